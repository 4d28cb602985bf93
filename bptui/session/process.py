"""The keeper and the debuggee as the session sees them: processes, fds, signals."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable

from bptui.protocol import Event, Exited, Fork, Forked, Message, Quit, Shutdown, encode, read_message
from bptui.protocol.framing import LONGEST_LINE
from bptui.session.console import Line, LineReader

GRACE = 0.5
"""Seconds that a training gets to clean up before it is killed."""

_READ = 1 << 18


class Keeper:
    """The process that has torch imported and forks debuggees."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        sock: socket.socket,
        stream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._process = process
        self._sock = sock
        self._reader, self._writer = stream  # a writer that is let go closes the socket

    @classmethod
    async def start(cls, python: str = sys.executable) -> Keeper:
        """Start the process; torch is imported when it says `Ready`."""
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [python, "-m", "bptui.debuggee", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        return cls(process, ours, await asyncio.open_unix_connection(sock=ours, limit=LONGEST_LINE))

    async def read(self) -> Message | None:
        """What the keeper says next, None when it is gone."""
        return await read_message(self._reader)

    def send(self, command: Message, fds: tuple[int, ...] = ()) -> None:
        """Say something, with file descriptors beside it."""
        with contextlib.suppress(OSError):  # gone: read() says so
            socket.send_fds(self._sock, [encode(command)], fds)

    def end(self) -> None:
        """End the process and reap it."""
        self.send(Shutdown())
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:  # in the middle of importing torch
            self._process.kill()
            self._process.wait()


class Debuggee:
    """One run of the target: its channel, its flag, what it prints.

    Attributes:
        pid: Its process, None until the keeper has said it.
        code: Its exit code once it is over, negative for a signal.
    """

    def __init__(self, on_output: Callable[[list[Line]], None]) -> None:
        self.pid: int | None = None
        self.code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._on_output = on_output
        self._outputs: dict[int, LineReader] = {}
        self._flag = mmap.mmap(-1, 1)

    async def fork(self, keeper: Keeper, command: Fork) -> None:
        """Have it forked from the keeper."""
        ours, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as flag:
            flag.truncate(1)
            self._flag = mmap.mmap(flag.fileno(), 1)
            pipes = [self._open_output(stream) for stream in (1, 2)]
            keeper.send(command, (theirs.fileno(), flag.fileno(), *pipes))
        theirs.close()
        for pipe in pipes:
            os.close(pipe)
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=LONGEST_LINE)

    def follow(self, event: Event) -> None:
        """Take what the keeper says about this process."""
        if isinstance(event, Forked) and self.pid is None:
            self.pid = event.pid
        elif isinstance(event, Exited) and event.pid == self.pid and not self.code.done():
            self.code.set_result(event.code)

    async def read(self) -> Message | None:
        """What the debuggee says next, None when it is gone."""
        return await read_message(self._reader)

    def send(self, command: Message) -> None:
        """Say something and raise the flag, so that a running debuggee looks."""
        self._writer.write(encode(command))
        self.raise_flag()

    def raise_flag(self) -> None:
        """Have the debuggee send what it has, and read its commands."""
        self._flag[0] = (self._flag[0] + 1) & 0xFF

    def drain_output(self) -> None:
        """Read what has been printed until now."""
        for fd in tuple(self._outputs):
            while self._read_output(fd):
                pass

    async def end(self, grace: float = GRACE) -> None:
        """End it: let it clean up for `grace` seconds, then kill it and all it started."""
        self.send(Quit())
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.code), grace)
        self.kill()
        self.drain_output()

    def kill(self) -> None:
        """Kill its process group: itself, if it still lives, and the children it left."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go of its fds."""
        self._writer.close()
        for fd in tuple(self._outputs):
            self._close_output(fd)

    def _open_output(self, stream: int) -> int:
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self._outputs[ours] = LineReader(stream)
        asyncio.get_running_loop().add_reader(ours, self._read_output, ours)
        return theirs

    def _read_output(self, fd: int) -> bool:
        try:
            piece = os.read(fd, _READ)
        except BlockingIOError:
            return False
        lines = self._outputs[fd].feed(piece) if piece else self._outputs[fd].finish()
        if lines:
            self._on_output(lines)
        if not piece:
            self._close_output(fd)
        return bool(piece)

    def _close_output(self, fd: int) -> None:
        asyncio.get_running_loop().remove_reader(fd)
        del self._outputs[fd]
        os.close(fd)
