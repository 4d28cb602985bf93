"""Copies of the training by fork(2), each of which waits to be the training itself: so one goes back in time."""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import resource
import socket
import sys
import time
from collections.abc import Callable

from bptui.debuggee import threads
from bptui.debuggee.aside import stand_aside
from bptui.debuggee.open_files import OpenFile, open_files
from bptui.debuggee.process import die_with_parent
from bptui.protocol import (
    SHARED_BYTES,
    Channel,
    CheckpointRefused,
    CheckpointTaken,
    Ended,
    Ring,
    Wake,
    encode,
)
from bptui.protocol.codec import decode

SHARE = 0.02
"""While running, so much of the time may go into copies."""

SHARE_AT_STOPS = 0.5
"""Where it stops anyway, one is worth so much of the time that it takes to run there again."""

COPY_ON_WRITE = 4
"""What is written after a fork is copied then: all together a copy costs so many times the fork."""

FIRST_GUESS = 0.005
"""Seconds of the first fork, before one was measured."""


class Checkpoints:
    """Makes copies of this process, and is what one of them does until it is woken.

    Attributes:
        is_forking: Whether the fork at hand is ours: what the training does in its own children is not to be done.
        is_edited: Whether something was set since the last one: the run that follows begins here.
    """

    def __init__(self, channel: Channel, ring: Ring) -> None:
        """Make none until there is an address.

        Args:
            channel: To the session; in a copy that is woken it is a new one.
            ring: The same.
        """
        self._channel, self._ring = channel, ring
        self._address = ""
        self._pool = 0
        self._cost = FIRST_GUESS * COPY_ON_WRITE
        self._clock = _Clock()
        self._children: list[int] = []
        self._said = ""
        self._step = -1
        self._edits = 0
        self.is_forking = self.is_edited = False

    def begin(self, address: str, intra_op: int) -> None:
        """From now on copies wait at this abstract Unix socket of the session's.

        Args:
            address: Without the zero byte that it begins with.
            intra_op: How many threads torch has: the others of its pool begin anew in a copy.
        """
        self._pool = intra_op - 1
        self._address = address if sys.platform == "linux" else ""
        if address and not self._address:
            self._say("a process is copied and adopted only on Linux")

    @property
    def are_made(self) -> bool:
        """Whether there is one to wait for."""
        return bool(self._address)

    def note_edit(self) -> None:
        """Something was set by hand."""
        self._edits += 1
        self.is_edited = bool(self._address)

    def stand(self) -> None:
        """The training stands still from now on."""
        self._clock.stop()

    def go(self) -> None:
        """It goes on."""
        self._clock.go()

    def is_due(self, steps: int, is_stop: bool) -> bool:
        """Whether one is worth its time after so many samples."""
        if is_stop and self._address:
            self._say(*self._why_not())
        if self.is_edited:
            return True
        if not self._address or steps == self._step:
            return False
        if steps == 1:  # in the first sample much is imported and allocated that no way back should begin with
            return True
        share = SHARE_AT_STOPS if is_stop else SHARE
        return self._step < 0 or self._clock.seconds * share >= self._cost

    def take(self, steps: int, inside: int = -1) -> int | None:
        """Make a copy, if that is possible here.

        Args:
            steps: After how many samples this is.
            inside: At which stop inside the next one, 0 if nobody has counted; -1 for between the two.

        Returns:
            None in the training that goes on; in a copy that was woken, how many stops the branch has had.
        """
        self.is_edited = False
        why = self._why_not()
        self._say(*why)
        if why[0]:
            return None
        self._step = steps
        files, restart, state = open_files(), threads.restarting(), random.getstate()
        began = time.perf_counter()
        with threads.resting():
            pid = self._fork()
        if pid:
            self._cost = COPY_ON_WRITE * (time.perf_counter() - began)
            self._children.append(pid)
            self._reap()
            self._clock.reset()
            return None
        random.setstate(state)  # Python seeds it anew in every child
        writes = any(file.is_written for file in files)
        return self._wait(CheckpointTaken(steps, self._edits, inside, writes), files, restart)

    def _why_not(self) -> tuple[str, bool]:
        """Why none can be made, and whether none of before can be woken either."""
        if not self._channel.is_open:
            return "the script closed the file descriptor by which bptui follows it", False
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            return "CUDA is in use: its state can not be copied", False
        distributed = sys.modules.get("torch.distributed")
        if distributed is not None and distributed.is_available() and distributed.is_initialized():
            return "torch.distributed is in use: the other processes can not be taken back along", True
        return threads.why_not(self._pool), False

    def _say(self, why: str, is_final: bool = False) -> None:
        if why != self._said:
            self._said = why
            self._channel.send(CheckpointRefused(why, is_final))

    def _fork(self) -> int:
        self.is_forking = True
        try:
            return os.fork()
        finally:
            self.is_forking = False

    def _reap(self) -> None:
        """Those that the session has ended."""
        for pid in tuple(self._children):
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    continue
            self._children.remove(pid)

    # -- in the copy -----------------------------------------------------------------------------------

    def _wait(self, hello: CheckpointTaken, files: list[OpenFile], restart: Callable[[], None]) -> int:
        """Wait until it is this copy's turn; another one of itself then waits in its place."""
        os.setpgid(0, 0)  # what ends the training does not end us
        self._children = []
        for file in files:
            file.open_anew()
        while True:
            self._channel.reconnect(_connect(self._address, hello))
            wake, memory = _receive(self._channel.sock)
            state = random.getstate()
            if pid := self._fork():
                self._children.append(pid)
                break
            random.setstate(state)
            os.close(memory)
            os.setpgid(0, 0)
        die_with_parent()
        if wake.is_aside:
            self._address = ""
            stand_aside({self._channel.sock.fileno(), memory}, lambda why: self._channel.send(Ended(why)))
        elif os.getppid() != wake.parent:  # the session has ended in the meantime
            os._exit(1)
        for file in files:
            file.rewind() if wake.is_aside else file.restore()
        self._ring.reopen(mmap.mmap(memory, SHARED_BYTES))
        os.close(memory)
        restart()
        self._clock = _Clock()
        self._clock.go()
        return wake.stops


class _Clock:
    """Seconds of processor time, without those in which the training stands still."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._sum = 0.0

    @property
    def seconds(self) -> float:
        return self._sum + (0.0 if self._since is None else _now() - self._since)

    def go(self) -> None:
        if self._since is None:
            self._since = _now()

    def stop(self) -> None:
        self._sum, self._since = self.seconds, None

    def reset(self) -> None:
        self._sum, self._since = 0.0, None if self._since is None else _now()


def _now() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _connect(address: str, hello: CheckpointTaken) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(f"\0{address}")
        sock.sendall(encode(hello))
    except OSError:
        os._exit(0)  # the session is gone
    return sock


def _receive(sock: socket.socket) -> tuple[Wake, int]:
    """What the session says to the copy, and the fd that comes with it; the end of the session is ours, too."""
    line, memory = b"", -1
    while not line.endswith(b"\n"):  # byte by byte: what comes after it is read by the channel
        try:
            data, fds, _, _ = socket.recv_fds(sock, 1, 1)
        except OSError:
            data, fds = b"", []
        if not data:
            os._exit(0)
        line, memory = line + data, (*fds, memory)[0]
    wake = decode(line)
    assert isinstance(wake, Wake)
    return wake, memory
