"""The debuggee as the session sees it: its process, its channel, its flag, what it prints."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import fcntl
import json
import mmap
import os
import signal
import socket
import tempfile
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bptui.protocol import (
    SHARED_BYTES,
    Ended,
    Event,
    Exited,
    Fork,
    Forked,
    LineSplitter,
    Message,
    Quit,
    RingReader,
    decode,
    encode,
)
from bptui.session.checkpoints import Checkpoint
from bptui.session.keeper import INJECT, PARENT, Keeper
from bptui.session.output import OnLines, OnText, Output
from bptui.session.streams import Streams
from bptui.session.terminal import OnRows, Terminal
from bptui.session.threads import environment

NUDGE = signal.SIGURG
"""Does nothing where nobody expects it, and so no harm; Go's runtime has chosen it for that, too."""

_READ = 1 << 16


class Debuggee:
    """One run of the target.

    Attributes:
        pid: Its process, once the keeper has said it.
        code: Its exit code once it is over, negative for a signal.
        output: What it prints into pipes.
        terminal: The terminal of a script, None if it has none.
        ended: How its loop ended, once that is known.
        heard: How many messages it has sent.
    """

    def __init__(self, on_lines: OnLines, on_text: OnText) -> None:
        loop = asyncio.get_running_loop()
        self.pid: asyncio.Future[int] = loop.create_future()
        self.code: asyncio.Future[int] = loop.create_future()
        self.output = Output(on_lines, on_text)
        self.terminal: Terminal | None = None
        self._on_text = on_text
        self.ended: Ended | None = None
        self.heard = 0
        self._is_killed = self._is_handed_over = False
        self._splitter = LineSplitter()
        self._lines: collections.deque[bytes] = collections.deque()

    async def fork(self, keeper: Keeper, command: Fork) -> None:
        """Have it forked from the keeper."""
        ours, theirs = socket.socketpair()
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        memory = self._share_memory()
        given = (theirs.fileno(), memory, *self.output.open())
        keeper.send(command, given)
        theirs.close()
        for fd in given[1:]:
            os.close(fd)

    async def spawn(
        self, command: Sequence[str], settings: Mapping[str, Any], streams: Streams, on_rows: OnRows
    ) -> None:
        """Start an unmodified script in a session of its own, joined to us by its sitecustomize.

        Args:
            command: The interpreter and its arguments.
            settings: How to listen to it, as `bptui.debuggee.script.join` takes it.
            streams: What it reads and writes.
            on_rows: Called with what its terminal shows.
        """
        ours, theirs = socket.socketpair()
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        memory = self._share_memory()
        if streams.has_terminal:
            self.terminal = Terminal(on_rows, self._on_text, streams.size, streams.shown)
        pipes = {stream: self.output.open_pipe(stream) for stream in streams.piped}
        inner = self.terminal.inner if self.terminal else -1
        stdin = inner if streams.stdin is None else streams.stdin
        process = await asyncio.create_subprocess_exec(
            *command, stdin=stdin, stdout=pipes.get(1, inner), stderr=pipes.get(2, inner),
            pass_fds=(theirs.fileno(), memory), env=_joined_environment(theirs.fileno(), memory, settings),
            **self._placing(bool(settings.get("checkpoints"))),
        )  # fmt: skip
        theirs.close()
        for fd in (memory, *pipes.values()):
            os.close(fd)
        self.pid.set_result(process.pid)
        self._waiting = asyncio.create_task(self._wait(process))

    def _placing(self, is_copied: bool) -> dict[str, Any]:
        """In which session, and at which terminal, a script is started.

        The leader of a terminal's session takes all others along when it ends: where copies wait, that is us.
        """
        if self.terminal is None:
            return {"start_new_session": True}
        if is_copied:
            self.terminal.lead()
            return {"process_group": 0, "preexec_fn": self.terminal.taking_keys}
        return {"start_new_session": True, "preexec_fn": _taking(self.terminal.inner)}

    async def revive(self, checkpoint: Checkpoint, before: Debuggee | None = None, stops: int = 0) -> None:
        """Be a copy of a debuggee that waits: in its place, once it has ended, or else beside it.

        Args:
            checkpoint: The copy.
            before: Who has what it prints into; None of a copy that only looks, and prints nothing.
            stops: How many stops the branch has had.
        """
        if before is not None:
            self.output, self.terminal = before.hand_over()
        memory = self._share_memory(checkpoint.steps)
        checkpoint.wake(stops, memory, is_aside=before is None)
        os.close(memory)
        self._reader, self._writer = await asyncio.open_unix_connection(sock=checkpoint.sock)
        self.pid.set_result(checkpoint.pid)
        if self.terminal is not None:
            self.terminal.give_to(checkpoint.pid)
        self._waiting = asyncio.create_task(self._wait_adopted(checkpoint.pid))

    def hand_over(self) -> tuple[Output, Terminal | None]:
        """Let go of what it prints into: another one will."""
        self._is_handed_over = True
        return self.output, self.terminal

    def _share_memory(self, steps: int = 0) -> int:
        memory = _shared_memory()
        self._ring = RingReader(mmap.mmap(memory, SHARED_BYTES), steps)
        return memory

    async def _wait_adopted(self, pid: int) -> None:
        """Wait for a process that has become our child; one that only looks is still the training's."""
        over = asyncio.get_running_loop().create_future()
        fd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(fd, over.set_result, None)
        try:
            await over
        finally:
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)
        status = 0
        with contextlib.suppress(ChildProcessError):
            _, status = os.waitpid(pid, 0)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it left behind
        self.code.set_result(os.waitstatus_to_exitcode(status))

    async def _wait(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left behind
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

    def take(self) -> Iterator[Message]:
        """What it has written down of its samples since the last time, and before what it says.

        Raises:
            ProtocolError: The memory for that holds something else.
        """
        for message in self._ring.take():
            self.heard += 1
            yield message

    def send(self, command: Message) -> None:
        """Say something and raise the flag, so that a running debuggee looks."""
        self._writer.write(encode(command))
        self.raise_flag()

    def raise_flag(self) -> None:
        """Have the debuggee write down what waits, and read its commands."""
        self._ring.raise_flag()

    async def end(self, grace: float) -> None:
        """End it: let it clean up for `grace` seconds, then kill it and all it started."""
        self.send(Quit())
        self.nudge()
        await asyncio.wait([self.code], timeout=grace)
        self.kill()

    def kill(self) -> None:
        """Kill its process group: itself and the children it has; once it is over, its id may be another's."""
        self._is_killed = True
        self.signal(signal.SIGKILL)  # so young, perhaps, that it has no group yet
        self.signal_all(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal to the process itself, as long as there is one."""
        if self.pid.done() and not self.code.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid.result(), number)

    def signal_all(self, number: int) -> None:
        """Send a signal to its process group: itself and the children it has."""
        if self.pid.done() and not self.code.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid.result(), number)

    def nudge(self) -> None:
        """Have it read its commands at the next line of Python, whatever it is doing."""
        self.signal(NUDGE)

    def waits_for_input(self) -> bool:
        """Whether it waits for something to be typed into its terminal."""
        return self.terminal is not None and self.pid.done() and self.terminal.is_read_by(self.pid.result())

    def drain(self) -> None:
        """Hand on everything that it has printed until now."""
        self.output.drain()
        if self.terminal is not None:
            self.terminal.drain()

    def close(self) -> None:
        """Let go of its fds."""
        self._writer.close()
        self._ring.close()
        if not self._is_handed_over:
            self.close_output()

    def close_output(self) -> None:
        """Let go of what it prints into."""
        self.output.close()
        if self.terminal is not None:
            self.terminal.close()
            self.terminal = None


def _taking(terminal: int) -> Callable[[], None]:
    """What a new session does to be this terminal's: Ctrl-C and the size of the window then reach it."""
    return lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)  # type: ignore[return-value]


def _joined_environment(channel: int, memory: int, settings: Mapping[str, Any]) -> dict[str, str]:
    """The environment in which Python finds our sitecustomize, which then puts everything back."""
    given = {"parent": str(PARENT), "channel_fd": channel, "memory_fd": memory, **settings}
    before = os.environ.get("PYTHONPATH", "")
    copied = environment(settings["threads"]) if settings.get("checkpoints") else {}
    return (
        os.environ
        | copied
        | {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(INJECT), before))),
            "BPTUI_PYTHONPATH": before,
            "BPTUI_JOIN": json.dumps(given),
        }
    )


def _shared_memory() -> int:
    """An fd to the memory of a `Ring`; of no file if that can be helped: a full disk would kill its writer."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("bptui")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.truncate(fd, SHARED_BYTES)
    return fd
