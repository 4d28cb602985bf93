"""The copies of the training that wait: where they stand, what they cost, which of them are kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bptui.errors import ProtocolError
from bptui.protocol import CheckpointTaken, Wake, encode
from bptui.protocol.codec import decode

MOST = 48
"""So many wait at most: each is a process."""

BREATH = 0.002
"""Seconds between two looks for the branch of a copy."""

PATIENCE = 1.0
"""Seconds that a copy which takes the place of another is waited for: it is there in some milliseconds."""

_HELLO = 4096  # bytes: longer than what a copy says first
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


def memory_budget(asked: int) -> int:
    """How many bytes copies may take: what was asked for, or a quarter of what is free."""
    if asked:
        return asked
    with contextlib.suppress(OSError, ValueError):
        free = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(free["MemAvailable"].split()[0]) * 1024 // 4
    return 0


@dataclass(eq=False)
class Checkpoint:
    """A copy of the training that waits.

    Attributes:
        sock: Connected to it.
        pid: Its process.
        branch: The branch it stands on.
        steps: After how many of its samples.
        edits: How often something was set by hand until there.
        inside: At which stop inside the next sample, 0 if nobody has counted; -1 for between two.
        writes: Whether it has files open that it writes.
        is_kept: Whether it stays whatever it costs: nothing else leads to where it is.
        bytes: How much memory it has of its own, as far as it was measured.
    """

    sock: socket.socket
    pid: int
    branch: int
    steps: int
    edits: int
    inside: int = -1
    writes: bool = False
    is_kept: bool = False
    bytes: int = 0

    @property
    def place(self) -> tuple[int, int]:
        """After how many samples, and where inside the next one."""
        return self.steps, self.inside

    def leads_to(self, steps: int, inside: int) -> bool:
        """Whether a place is reached from here by going on."""
        is_between, is_later = self.inside < 0, 0 < self.inside < inside
        return self.steps < steps or (self.steps == steps and (is_between or is_later))

    def wake(self, stops: int, memory: int, is_aside: bool = False) -> None:
        """Have it be the training, or only look, with this shared memory; another copy of it takes its place."""
        self.sock.setblocking(True)
        socket.send_fds(self.sock, [encode(Wake(os.getpid(), stops, is_aside))], [memory])
        self.sock.setblocking(False)

    def end(self) -> None:
        """End it."""
        self.sock.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def measure(self) -> None:
        """Look how much memory it has: what several processes share counts in parts."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
            found = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
            self.bytes = int(found.get("Pss_Anon", found["Pss"])) * 1024


class Checkpoints:
    """All of them, by branch and sample.

    Attributes:
        address: The abstract Unix socket at which they come, empty if none are made.
        edits: How often something was set by hand in the run at hand.
        budget: How many bytes of memory they may have of their own.
    """

    def __init__(self, budget: int, on_change: Callable[[], None]) -> None:
        """Have none.

        Args:
            budget: How many bytes of memory they may have of their own.
            on_change: Called when one has come or gone.
        """
        self.address = ""
        self.edits = 0
        self.budget = budget
        self._on_change = on_change
        self._waiting: list[Checkpoint] = []
        self._listening: asyncio.Task[None] | None = None
        self._welcomes: set[asyncio.Task[None]] = set()
        self._branch = 0
        self._taken: tuple[Checkpoint, ...] = ()
        self._coming: list[Checkpoint] = []
        self._is_expected = False
        self._kept: set[tuple[int, int, int]] = set()

    def open(self) -> None:
        """Listen for copies from now on."""
        self.address = f"bptui-{secrets.token_hex(16)}"
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.bind(f"\0{self.address}")
        self._sock.listen()
        self._sock.setblocking(False)
        self._listening = asyncio.create_task(self._listen())

    def close(self) -> None:
        """End them all."""
        for task in (self._listening, *self._welcomes):
            if task is not None:
                task.cancel()
        if self.address:
            self._sock.close()
        self.forget()

    def note_edit(self) -> None:
        """Something was set by hand: a copy is about to come."""
        self.edits += 1
        self._is_expected = True

    def forget(self, branch: int | None = None) -> None:
        """End those of a branch, or all."""
        for each in tuple(self._waiting):
            if branch is None or each.branch == branch:
                self._drop(each)

    def begin_branch(self, branch: int) -> None:
        """Those that come from now on are of this branch."""
        self._branch = branch

    @property
    def pids(self) -> set[int]:
        """Their processes, and that of the one that was taken last."""
        return {each.pid for each in (*self._waiting, *self._taken)}

    @property
    def bytes(self) -> int:
        """How much memory they have."""
        return sum(each.bytes for each in self._waiting)

    def steps(self, branch: int) -> tuple[int, ...]:
        """After how many samples of a branch they stand, in their order."""
        known = (*self._waiting, *self._coming)
        return tuple(sorted({each.steps for each in known if each.branch == branch}))

    def first_inside(self, branch: int) -> Checkpoint | None:
        """The first copy of a branch, if it is from amid a sample."""
        own = (each for each in self._waiting if each.branch == branch)
        first = min(own, key=lambda each: each.place, default=None)
        return first if first is not None and first.inside >= 0 else None

    def before(self, branch: int, steps: int, inside: int = 0) -> list[Checkpoint]:
        """Those of a branch from which a place can be reached by going on, the last one first.

        Args:
            branch: The branch.
            steps: After so many samples.
            inside: And then at this stop inside the next one, 0 for between the two.
        """
        own = (each for each in self._waiting if each.branch == branch)
        return sorted((each for each in own if each.leads_to(steps, inside)), key=lambda each: each.place)[::-1]

    def take(self, checkpoint: Checkpoint, is_aside: bool = False) -> None:
        """It is going to be the training, or only to look; its place is taken by a copy that is still to come."""
        self._let_go(checkpoint)
        self._coming.append(checkpoint)
        if not is_aside:
            self._taken = (checkpoint,)
        if checkpoint.is_kept:
            self._kept.add((checkpoint.branch, *checkpoint.place))

    def put_back(self, checkpoint: Checkpoint) -> None:
        """It was not needed, and waits on."""
        self._coming = [each for each in self._coming if each is not checkpoint]
        self._kept.discard((checkpoint.branch, *checkpoint.place))
        self._have(checkpoint)

    async def complete(self) -> None:
        """Wait for those that take the place of others, and for the one of what was set last."""
        until = time.monotonic() + PATIENCE
        while (self._coming or self._is_expected) and time.monotonic() < until:
            await asyncio.sleep(BREATH)
        self._coming.clear()
        self._is_expected = False

    def thin(self, now: int) -> None:
        """Measure one, and end those that are too many: dense near sample `now`, sparse far from it."""
        stale = [each for each in self._waiting if not each.bytes] or self._waiting[-1:]
        for each in stale[:2]:
            each.measure()
        while len(self._waiting) > MOST or self.bytes > self.budget:
            dispensable = [each for each in self._waiting if not each.is_kept]
            if not dispensable:
                return
            self._drop(min(dispensable, key=lambda each: self._worth(each, now)))

    def _worth(self, checkpoint: Checkpoint, now: int) -> float:
        """How far apart its neighbours are, for how far away it is."""
        steps = self.steps(checkpoint.branch)
        at = steps.index(checkpoint.steps)
        before = steps[at - 1] if at else 0
        after = steps[at + 1] if at + 1 < len(steps) else max(now, checkpoint.steps)
        return (after - before) / (1 + abs(now - checkpoint.steps))

    def _drop(self, checkpoint: Checkpoint) -> None:
        self._let_go(checkpoint)
        checkpoint.end()

    def _have(self, checkpoint: Checkpoint) -> None:
        self._waiting.append(checkpoint)
        asyncio.get_running_loop().add_reader(checkpoint.sock, self._gone, checkpoint)

    def _let_go(self, checkpoint: Checkpoint) -> None:
        asyncio.get_running_loop().remove_reader(checkpoint.sock)
        self._waiting.remove(checkpoint)

    def _gone(self, checkpoint: Checkpoint) -> None:
        """It says no more before it is woken: somebody has ended it."""
        self._drop(checkpoint)
        self._on_change()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self._sock)
            task = asyncio.create_task(self._welcome(sock))
            self._welcomes.add(task)
            task.add_done_callback(self._welcomes.discard)

    async def _welcome(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        pid, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        try:
            hello = decode(await asyncio.get_running_loop().sock_recv(sock, _HELLO))
        except (OSError, ProtocolError):
            hello = None
        if uid != os.getuid() or not isinstance(hello, CheckpointTaken):
            sock.close()
            return
        here = hello.steps, hello.inside
        while hello.edits > self.edits:  # the branch that an edit begins is about to be
            await asyncio.sleep(BREATH)
        if hello.edits == self.edits:
            self._is_expected = False
        before = [each for each in self._coming if (*each.place, each.edits) == (*here, hello.edits)]
        for each in before[:1]:
            self._coming.remove(each)
        branch = before[0].branch if before else self._branch
        place = branch, *here
        known = [each for each in self._waiting if (each.branch, *each.place) == place]
        for each in known:
            self._drop(each)
        is_first = not any(each.branch == branch for each in self._waiting)
        is_kept = is_first or place in self._kept or any(each.is_kept for each in known)
        self._kept.discard(place)
        checkpoint = Checkpoint(sock, pid, branch, hello.steps, hello.edits, hello.inside, hello.writes, is_kept)
        self._have(checkpoint)
        self._on_change()
