"""The keeper as the session sees it: the process that has torch imported and forks debuggees."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from bptui.protocol import Message, WarmUp, encode, read_message
from bptui.protocol.framing import LONGEST_LINE

GRACE = 0.5
"""Seconds that a keeper that has closed its channel gets to end."""

_LAST_WORDS = 2000  # characters of its stderr


PARENT = Path(__file__).parents[2]
"""Where the package lies."""

INJECT = PARENT / "bptui" / "debuggee" / "inject"
"""What other interpreters get of us; its only modules are made for that."""

_START = f"""\
import sys
sys.path.insert(0, {str(INJECT)!r})
from bptui_package import load
del sys.path[0]
load({str(PARENT)!r})
from bptui.debuggee.keeper import keep
keep(int(sys.argv[1]))
"""


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
        self._is_warm = False

    @classmethod
    async def start(cls, python: str, environment: Mapping[str, str]) -> Keeper:
        """Start the process in an interpreter that has torch; it is imported when it says `Ready`.

        Args:
            python: The interpreter.
            environment: What is otherwise than in ours.
        """
        ours, theirs = socket.socketpair()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        process = subprocess.Popen(
            [python, "-c", _START, str(theirs.fileno())],
            pass_fds=[theirs.fileno()], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
            env=os.environ | dict(environment),
        )  # fmt: skip
        theirs.close()
        return cls(process, errors, ours, await asyncio.open_unix_connection(sock=ours, limit=LONGEST_LINE))

    async def read(self) -> Message | None:
        """What the keeper says next, None when it is gone."""
        return await read_message(self._reader)

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
        """End the process, reap it, and return its exit code, negative for a signal.

        What it started has been ended before, so it needs no farewell, which takes it 0.4 s with torch in it.
        """
        self._process.kill()
        self._writer.close()
        return self._process.wait()

    def bury(self) -> int:
        """The same for one that is ending by itself: its own exit code is worth a moment."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        return self.end()

    def last_words(self) -> str:
        """The end of what it wrote to its stderr."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").rstrip()[-_LAST_WORDS:]
