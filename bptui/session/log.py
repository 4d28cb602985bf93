"""Every message of a session in a file, with direction and time."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bptui.errors import BptuiError
from bptui.protocol import Message, encode


class ProtocolLog:
    """Appends a JSON line per message; without a path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        """Open the file.

        Raises:
            BptuiError: It can not be written.
        """
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if path else None
        except OSError as error:
            raise BptuiError(f"can not write the protocol log: {error}") from error

    def __call__(self, direction: str, message: Message) -> None:
        """Note a message; a full disk ends the log, not the session.

        Args:
            direction: Who says it to whom: "app→session", "session→debuggee", ….
            message: What is said.
        """
        if self._fd is None:
            return
        head = f'{{"time":{time.time()!r},"direction":"{direction}","message":'.encode()
        try:
            os.write(self._fd, head + encode(message).rstrip(b"\n") + b"}\n")
        except OSError:
            os.close(self._fd)
            self._fd = None
