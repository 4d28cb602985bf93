"""Every message of a session in a file, with direction and time."""

from __future__ import annotations

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
            self._file = path.open("ab", buffering=0) if path else None
        except OSError as error:
            raise BptuiError(f"can not write the protocol log: {error}") from error

    def __call__(self, direction: str, message: Message) -> None:
        """Note a message.

        Args:
            direction: Who says it to whom: "app→session", "session→debuggee", ….
            message: What is said.
        """
        if self._file is not None:
            head = f'{{"time":{time.time()!r},"direction":"{direction}","message":'.encode()
            self._file.write(head + encode(message).rstrip(b"\n") + b"}\n")
