"""Copies of the training that run beside each other, each with a learning rate of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bptui.errors import ProtocolError
from bptui.protocol import (
    Assign,
    Assigned,
    Command,
    Ended,
    GraphTraced,
    InsideSeen,
    LayoutSeen,
    Message,
    ParametersSeen,
    Samples,
    SourceSeen,
    StackSeen,
    Step,
    Stopped,
    Travel,
)
from bptui.protocol import Race as Racing
from bptui.session.checkpoints import Checkpoint, Checkpoints
from bptui.session.debuggee import Debuggee

TICK = 0.08
"""Seconds between two looks at what they have written down."""

_ANNOUNCED = (LayoutSeen, SourceSeen, ParametersSeen)
"""What is said once of all samples."""

_OF_STOPS = (Stopped, InsideSeen, StackSeen, GraphTraced)
"""What is not kept."""


@dataclass(eq=False)
class Racer:
    """One of them.

    Attributes:
        rate: Its learning rate, as it was typed.
        seen: What it has said of its samples.
        samples: How many there were.
        problem: Why it has not come to its end, empty if it has.
        is_over: Whether it is known how it went.
    """

    rate: str
    seen: list[Message] = field(default_factory=list)
    samples: int = 0
    problem: str = ""
    is_over: bool = False
    _debuggee: Debuggee | None = None
    _is_set: bool = False

    @property
    def assign(self) -> Assign:
        """What makes it differ from the others."""
        return Assign(0, "lr", self.rate)

    async def start(self, checkpoint: Checkpoint) -> None:
        """Be what a waiting copy goes on as."""
        self.seen, self.samples, self._is_set = [], 0, False
        self._debuggee = Debuggee(lambda _: None, lambda *_: None)
        reviving = asyncio.ensure_future(self._debuggee.revive(checkpoint))
        try:
            await asyncio.shield(reviving)
        except asyncio.CancelledError:  # half awake it could neither wait on nor be ended
            await reviving
            raise

    async def run(self, steps: int, samples: int) -> None:
        """Go where the race begins, and run."""
        self.is_over = (
            await self._go(Travel(steps)) and await self._set() and await self._go(Step("sample", samples))
        )
        self.is_over = self.is_over or bool(self.problem)

    def tick(self) -> None:
        """Have it write down what waits, and take it."""
        if self._debuggee is not None:
            self._debuggee.raise_flag()
            self._take()

    async def end(self) -> None:
        """End its process."""
        if self._debuggee is not None and self._debuggee.pid.done():
            self._debuggee.kill()
            await self._debuggee.code
            self._debuggee.close()
        self._debuggee = None

    async def _go(self, command: Command) -> bool:
        """Send it on its way, and wait until it stands; whether it does."""
        self._send(command)
        return isinstance(await self._hear(Stopped), Stopped)

    async def _set(self) -> bool:
        self._is_set = True
        self._send(self.assign)
        answer = await self._hear(Assigned)
        if isinstance(answer, Assigned):
            self.problem = answer.problem
        return not self.problem and answer is not None

    def _send(self, command: Command) -> None:
        assert self._debuggee is not None
        self._debuggee.send(command)

    async def _hear(self, kind: type[Message]) -> Message | None:
        """Take what it says until something of this kind; None if it ends before."""
        assert self._debuggee is not None
        with contextlib.suppress(ProtocolError):
            while (message := await self._debuggee.read()) is not None:
                self._take()
                self._keep(message)
                if isinstance(message, kind):
                    return message
                if isinstance(message, Ended):
                    self.problem = message.line or "it has come to its end"
                    return None
        return None

    def _take(self) -> None:
        assert self._debuggee is not None
        with contextlib.suppress(ProtocolError):
            for message in self._debuggee.take():
                self._keep(message)

    def _keep(self, message: Message) -> None:
        if isinstance(message, _ANNOUNCED) or (self._is_set and not isinstance(message, _OF_STOPS)):
            self.seen.append(message)
            self.samples += message.count if isinstance(message, Samples) else 0


class Race:
    """Runs them, as many at once as there are cores and as fit into memory.

    Attributes:
        pids: Their processes.
    """

    def __init__(self, checkpoints: Checkpoints, say: Callable[[str], None]) -> None:
        """Run none.

        Args:
            checkpoints: Takes the copies that come in their places.
            say: Given what is going on; empty for nothing.
        """
        self._checkpoints, self._say = checkpoints, say
        self.pids: set[int] = set()

    async def run(self, command: Racing, steps: int, nearest: Callable[[], Checkpoint | None]) -> list[Racer]:
        """Run all of them.

        Args:
            command: With which learning rates, and how far.
            steps: After so many samples of the branch.
            nearest: The copy from which that is reached.
        """
        racers = [Racer(rate) for rate in command.rates]
        while waiting := [each for each in racers if not each.is_over]:
            started: list[Racer] = []
            try:
                for racer in waiting[: self._at_once(nearest())]:
                    await self._checkpoints.complete()
                    if (checkpoint := nearest()) is None:
                        break
                    self.pids.add(checkpoint.pid)
                    self._checkpoints.take(checkpoint, is_aside=True)
                    started.append(racer)
                    await racer.start(checkpoint)
                await self._watch(racers, started, command, steps)
            finally:
                await (
                    self._checkpoints.complete()
                )  # or who takes the last one's place might be taken for an orphan
                for racer in started:
                    await racer.end()
                self.pids.clear()
            # Each is the child of the one before, and is killed with it if that ends early: then it runs again.
            if not started or not started[0].is_over:
                for racer in waiting:
                    racer.is_over, racer.problem = True, racer.problem or "its copy of the training has ended"
        self._say("")
        return racers

    async def _watch(self, racers: list[Racer], running: list[Racer], command: Racing, steps: int) -> None:
        tasks = [asyncio.ensure_future(each.run(steps, command.samples)) for each in running]
        left = set(tasks)
        try:
            while left:
                _, left = await asyncio.wait(left, timeout=TICK)
                for each in running:
                    each.tick()
                done = sum(each.samples for each in racers)
                rates = ", ".join(command.rates)
                self._say(f"racing lr {rates}: {done:,} of {command.samples * len(racers):,} samples")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks) if tasks else None
        for task in tasks:
            task.result()

    def _at_once(self, checkpoint: Checkpoint | None) -> int:
        cores = len(os.sched_getaffinity(0))
        size = anonymous(checkpoint.pid) if checkpoint is not None else 0
        fitting = self._checkpoints.budget // size if size else cores
        return max(1, min(cores, fitting))


def anonymous(pid: int) -> int:
    """Bytes of memory that a process may have to copy when it writes into them; 0 if nobody knows."""
    with contextlib.suppress(OSError, ValueError, IndexError, KeyError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        return int({line.split(":")[0]: line.split()[1] for line in lines}["Anonymous"]) * 1024
    return 0
