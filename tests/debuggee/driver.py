"""A keeper process, and debuggees forked from it, driven message by message as a session does."""

import contextlib
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from array import array
from base64 import b64decode

from bptui.protocol import (
    SHARED_BYTES,
    Channel,
    Ended,
    Exited,
    Fork,
    Forked,
    GraphTraced,
    LayoutSeen,
    Loaded,
    Quit,
    Ready,
    Refused,
    RingReader,
    Samples,
    Shutdown,
    Step,
    Stopped,
    encode,
)  # fmt: skip
from bptui.records import QUANTITIES
from bptui.session.debuggee import NUDGE

PATIENCE = 30.0


class Keeper:
    """The process that has torch imported."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        self.errors = _file()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bptui.debuggee", str(theirs.fileno())], pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors,
        )  # fmt: skip
        theirs.close()
        self.channel = Channel(ours)
        self.ready = self.channel.receive()
        assert isinstance(self.ready, Ready)
        self._codes = {}

    def code(self, pid) -> int:
        """The exit code of a process, when it has exited."""
        while pid not in self._codes:
            exited = self.channel.receive()
            assert isinstance(exited, Exited)
            self._codes[exited.pid] = exited.code
        return self._codes[pid]

    def fork(self, target: str, *arguments: str) -> "Debuggee":
        return Debuggee(self, Fork(target, arguments))

    def close(self) -> None:
        self.channel.send(Shutdown())
        assert self.process.wait(PATIENCE) == 0
        self.channel.sock.close()
        assert _content(self.errors) == b""
        os.close(self.errors)


class Debuggee:
    """One run of a target; `events` holds everything that it has said, `rows` its samples."""

    def __init__(self, keeper: Keeper, command: Fork) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        self._keeper = keeper
        self._files = [_file() for _ in range(3)]
        os.truncate(self._files[0], SHARED_BYTES)
        self._ring = RingReader(mmap.mmap(self._files[0], SHARED_BYTES))
        socket.send_fds(keeper.channel.sock, [encode(command)], [theirs.fileno(), *self._files])
        theirs.close()
        self.channel = Channel(ours)
        forked = keeper.channel.receive()
        assert isinstance(forked, Forked)
        self.pid = forked.pid
        self.events = []
        self._said = []

    def read(self):
        """The next event, ticking as a session does."""
        end = time.monotonic() + PATIENCE
        while not self._said:
            said = list(self.channel.poll())
            self._said += [*self._ring.take(), *said]
            if not self._said and not select.select([self.channel.sock], [], [], 0.02)[0]:
                self._ring.raise_flag()
            assert time.monotonic() < end
        self.events.append(self._said.pop(0))
        return self.events[-1]

    def until(self, *kinds):
        """The next event of one of these kinds; the others are kept too."""
        while not isinstance(event := self.read(), (*kinds, Ended, Refused)):
            pass
        assert isinstance(event, kinds), event
        return event

    def send(self, command) -> None:
        self.channel.send(command)
        self._ring.raise_flag()

    def nudge(self) -> None:
        """Have it look for commands at the next line of Python."""
        os.kill(self.pid, NUDGE)

    def step(self, granularity="sample", count=1) -> Stopped:
        self.send(Step(granularity, count))
        return self.until(Stopped)

    def run(self) -> Ended:
        """Go on to the end."""
        self.send(Step("run"))
        return self.until(Ended)

    def code(self) -> int:
        """Its exit code, when it has exited."""
        return self._keeper.code(self.pid)

    def quit(self) -> Ended:
        self.send(Quit())
        return self.until(Ended)

    def printed(self, stream=1) -> str:
        return _content(self._files[stream]).decode()

    def close(self) -> None:
        """End it, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # it may be so young that it has no group of its own yet
            os.killpg(self.pid, signal.SIGKILL)
        self.code()
        self.channel.sock.close()
        for file in self._files:
            os.close(file)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def loaded(self) -> Loaded:
        return self.of(Loaded)[0]

    @property
    def rows(self):
        """(step, epoch, index, {quantity: number}) of each sample, as far as sent."""
        layouts = {seen.id: seen.layout for seen in self.of(LayoutSeen)}
        found = []
        for batch in self.of(Samples):
            numbers = array("d", b64decode(batch.rows))
            width = 2 + len(QUANTITIES)
            assert batch.first == len(found)
            for begin in range(0, len(numbers), width):
                epoch, index, *values = numbers[begin : begin + width]
                named = dict(zip(QUANTITIES, values, strict=True))
                there = {name: named[name] for name in layouts[batch.layout].kinds}
                found.append((len(found), int(epoch), int(index), there))
        return found

    @property
    def traced(self) -> list[int]:
        """The steps of which there is a graph."""
        return [event.step for event in self.of(GraphTraced)]


def _file() -> int:
    fd, path = tempfile.mkstemp()
    os.unlink(path)  # noqa: PTH108
    return fd


def _content(fd) -> bytes:
    return os.pread(fd, 1 << 20, 0)


def write_loop(path, source: str) -> str:
    """Write a file with a loop and give its target."""
    path.write_text(
        "import sys, time\nimport torch\nfrom bptui import Sample\n\n" + textwrap.dedent(source).lstrip("\n")
    )
    return f"{path}:loop"
