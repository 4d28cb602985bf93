"""The debuggee as the session sees it: its process, its channel, its flag, what it prints."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import fcntl
import mmap
import os
import signal
import socket
import tempfile
import termios
from collections.abc import Sequence
from pathlib import Path

from bptui.protocol import Ended, Event, Exited, Fork, Forked, LineSplitter, Message, Quit, decode, encode
from bptui.session.keeper import Keeper
from bptui.session.output import OnLines, OnText, Output

_READ = 1 << 16


class Debuggee:
    """One run of the target.

    Attributes:
        pid: Its process, once the keeper has said it.
        code: Its exit code once it is over, negative for a signal.
        output: What it prints.
        ended: How its loop ended, once that is known.
        heard: How many messages it has sent.
    """

    def __init__(self, on_lines: OnLines, on_text: OnText) -> None:
        loop = asyncio.get_running_loop()
        self.pid: asyncio.Future[int] = loop.create_future()
        self.code: asyncio.Future[int] = loop.create_future()
        self.output = Output(on_lines, on_text)
        self.ended: Ended | None = None
        self.heard = 0
        self._is_killed = False
        self._splitter = LineSplitter()
        self._lines: collections.deque[bytes] = collections.deque()

    async def fork(self, keeper: Keeper, command: Fork) -> None:
        """Have it forked from the keeper."""
        ours, theirs = socket.socketpair()
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        flag = _shared_byte()
        self._flag = mmap.mmap(flag, 1)
        given = (theirs.fileno(), flag, *self.output.open())
        keeper.send(command, given)
        theirs.close()
        for fd in given[1:]:
            os.close(fd)

    async def spawn(self, command: Sequence[str], stdin: int | None) -> None:
        """Start an unmodified script under a terminal of its own, joined to us by its sitecustomize.

        Args:
            command: The interpreter and its arguments.
            stdin: What it reads, None for its terminal.
        """
        ours, theirs = socket.socketpair()
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        flag = _shared_byte()
        self._flag = mmap.mmap(flag, 1)
        terminal, errors = self.output.open_terminals()
        process = await asyncio.create_subprocess_exec(
            *command, stdin=terminal if stdin is None else stdin, stdout=terminal, stderr=errors,
            start_new_session=True, pass_fds=(theirs.fileno(), flag),
            env=_joined_environment(theirs.fileno(), flag),
            preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        theirs.close()
        for fd in (flag, terminal, errors):
            os.close(fd)
        self.pid.set_result(process.pid)
        self._waiting = asyncio.create_task(self._wait(process))

    async def _wait(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left behind
        if self.ended is not None and self.ended.code == 0 and code:
            self.ended = None  # it ended with an exit code that only the process itself knows
        self.code.set_result(code)

    def follow(self, event: Event) -> None:
        """Take what the keeper says about this process."""
        if isinstance(event, Forked):
            self.pid.set_result(event.pid)
            if self._is_killed:
                self.kill()
        elif isinstance(event, Exited):
            self.kill()  # the children it left
            self.code.set_result(event.code)

    def has_pid(self, pid: int) -> bool:
        """Whether this is that process."""
        return self.pid.done() and self.pid.result() == pid

    def lose(self) -> None:
        """Give it up: its keeper is gone, and nobody will say how it ended."""
        self.kill()
        self.code.set_result(-signal.SIGKILL)

    async def read(self) -> Message | None:
        """What the debuggee says next, None when it is gone."""
        while not self._lines:
            try:
                piece = await self._reader.read(_READ)
            except ConnectionError:
                return None
            if not piece:
                return None
            self._lines.extend(self._splitter.feed(piece))
        # A loop that is faster than we are waits for us: little is ever buffered, and others get their turn.
        await asyncio.sleep(0)
        self.heard += 1
        return decode(self._lines.popleft())

    def send(self, command: Message) -> None:
        """Say something and raise the flag, so that a running debuggee looks."""
        self._writer.write(encode(command))
        self.raise_flag()

    def raise_flag(self) -> None:
        """Have the debuggee send what it has, and read its commands."""
        self._flag[0] = (self._flag[0] + 1) & 0xFF

    async def end(self, grace: float) -> None:
        """End it: let it clean up for `grace` seconds, then kill it and all it started."""
        self.send(Quit())
        await asyncio.wait([self.code], timeout=grace)
        self.kill()

    def kill(self) -> None:
        """Kill its process group: itself and the children it has; once it is over, its id may be another's."""
        self._is_killed = True
        if self.pid.done() and not self.code.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid.result(), signal.SIGKILL)  # so young, perhaps, that it has no group yet
                os.killpg(self.pid.result(), signal.SIGKILL)

    def close(self) -> None:
        """Let go of its fds."""
        self._writer.close()
        self.output.close()
        self._flag.close()


def _joined_environment(channel: int, flag: int) -> dict[str, str]:
    """The environment in which Python finds our sitecustomize, which then puts everything back."""
    package = Path(__file__).parents[2]
    before = os.environ.get("PYTHONPATH", "")
    inject = str(package / "bptui" / "debuggee" / "inject")
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, (inject, before))),
        "BPTUI_PYTHONPATH": before,
        "BPTUI_JOIN": f"{channel}:{flag}:{package}",
    }


def _shared_byte() -> int:
    """An fd to one byte of shared memory; of no file if that can be helped: a full disk would kill its writer."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("bptui")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.truncate(fd, 1)
    return fd
