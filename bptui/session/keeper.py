"""The keeper as the session sees it: the process that has torch imported and forks debuggees."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import tempfile
from typing import IO

from bptui.protocol import Message, Shutdown, WarmUp, encode, read_message
from bptui.protocol.framing import LONGEST_LINE

GRACE = 0.5
"""Seconds that the keeper gets to end what it started."""

_LAST_WORDS = 2000  # characters of its stderr


class Keeper:
    """The keeper's process and its channel.

    Attributes:
        pid: Its process.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        errors: IO[bytes],
        sock: socket.socket,
        stream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.pid = process.pid
        self._process = process
        self._errors = errors
        self._sock = sock
        self._reader, self._writer = stream  # a writer that is let go closes the socket
        self._is_ready = False
        self._is_warm = False

    @classmethod
    async def start(cls, python: str = sys.executable) -> Keeper:
        """Start the process; torch is imported when it says `Ready`."""
        ours, theirs = socket.socketpair()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        process = subprocess.Popen(
            [python, "-m", "bptui.debuggee", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
        theirs.close()
        return cls(process, errors, ours, await asyncio.open_unix_connection(sock=ours, limit=LONGEST_LINE))

    async def read(self) -> Message | None:
        """What the keeper says next, None when it is gone."""
        message = await read_message(self._reader)
        self._is_ready = True
        return message

    def send(self, command: Message, fds: tuple[int, ...] = ()) -> None:
        """Say something, with file descriptors beside it."""
        line = encode(command)
        with contextlib.suppress(OSError):  # gone: read() says so
            sent = socket.send_fds(self._sock, [line], fds)
            self._writer.write(line[sent:])

    def warm_up(self) -> None:
        """Have it import, once, what the next debuggee may need."""
        if not self._is_warm:
            self._is_warm = True
            self.send(WarmUp())

    def end(self) -> int:
        """End the process, reap it, and return its exit code; negative for a signal."""
        self.send(Shutdown())
        try:
            self._process.wait(GRACE if self._is_ready else 0)
        except subprocess.TimeoutExpired:  # in the middle of importing torch
            self._process.kill()
        self._writer.close()
        return self._process.wait()

    def last_words(self) -> str:
        """The end of what it wrote to its stderr."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").rstrip()[-_LAST_WORDS:]
