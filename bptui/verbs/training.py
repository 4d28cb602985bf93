"""The training as a verb sees it: commands go out, and it waits for what comes of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Callable
from typing import Any

from bptui.diagnostics import Limits
from bptui.protocol import Assigned, Command, Evaluated, Notice, Status
from bptui.recording.reader import Reader
from bptui.records import InsideStop, RecordedSample, Stack
from bptui.where import next_place, where

ONLY_LOOKING = "there is no training here that takes commands: only what was recorded can be looked at"

PATIENCE = 1.0
"""Seconds that a step which was begun elsewhere is waited for."""


class Training:
    """A session, and its recording.

    Attributes:
        reader: The recording, None until it is known where that is.
        status: What the session said last.
        shown: The branch and step that is looked at, None for the newest.
        frame: Which of the user's frames is looked at, from 1.
        asks: Whether the debuggee is at work on an answer.
        obeys: Whether there is a session that takes commands from here.
        limits: The numbers that diagnoses go by, None for those of the user, or else the default.
        on_look: Called when a verb has another sample looked at.
    """

    def __init__(self, send: Callable[[Command], None], reader: Reader | None = None) -> None:
        """Say nothing yet.

        Args:
            send: Takes commands for the session.
            reader: The recording.
        """
        self.send = send
        self.reader = reader
        self.status = Status("starting", 0, 0)
        self.shown: tuple[int, int] | None = None
        self.frame = 1
        self.asks = False
        self.obeys = True
        self.limits: Limits | None = None
        self.on_look: Callable[[], None] = lambda: None
        self._answers: dict[int, Evaluated | Assigned] = {}
        self._requests = itertools.count(random.randrange(1 << 40))  # answers go to every app of a session
        self._heard = asyncio.Event()

    def hear(self, notice: Notice) -> None:
        """Take what the session says."""
        if isinstance(notice, Status):
            self.status = notice
        elif isinstance(notice, Evaluated | Assigned) and self.asks:
            self._answers[notice.request] = notice
        self._heard.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of what the session has said."""
        while not holds():
            self._heard.clear()
            await self._heard.wait()

    # -- what it is doing ------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or nobody knows any more."""
        return self.status.exit_code is not None or self.status.state in ("finished", "failed", "lost")

    @property
    def is_paused(self) -> bool:
        """Whether it waits for a command."""
        return self.status.state == "paused"

    async def stand(self) -> str:
        """Wait until it takes commands; one line why it does not."""
        if not self.obeys:
            return ONLY_LOOKING
        await self.until(lambda: self.status.state != "starting")
        with contextlib.suppress(TimeoutError):  # a step that is about to end
            async with asyncio.timeout(PATIENCE):
                await self.until(lambda: self.status.state != "running")
        if self.is_paused:
            return ""
        return f"the training {'is over' if self.is_over else 'is running: pause it first'}"

    @property
    def can_return(self) -> bool:
        """Whether it can go back itself; else one can only look at what is recorded."""
        stands = self.is_paused or self.status.state in ("finished", "failed")
        return self.obeys and stands and bool(self.status.checkpoints)

    async def go(self, command: Command) -> None:
        """Have it go on, or back, and wait for the next stop, or its end."""
        before = self.status.branch, self.status.stop, self.status.unmoved
        was = self.status
        self.send(command)
        await self.until(lambda: self.status is not was)
        await self.until(lambda: self.status.state != "running" and (self.is_over or self._has_stopped(before)))

    def _has_stopped(self, before: tuple[int, int, int]) -> bool:
        return self.is_paused and (self.status.branch, self.status.stop, self.status.unmoved) != before

    async def ask(self, make: Callable[[int], Command]) -> Any:
        """What the debuggee answers; None if it has gone before it did."""
        request = next(self._requests)
        stop = self.status.stop  # of this branch, or of that which an edit begins
        self.asks = True
        try:
            self.send(make(request))
            await self.until(lambda: request in self._answers or self.is_over or self.status.stop != stop)
            return self._answers.get(request)
        finally:
            self.asks = False
            self._answers.clear()

    # -- where it is -----------------------------------------------------------------------------------

    @property
    def branch(self) -> int:
        """The branch that is looked at."""
        return self.shown[0] if self.shown else self.status.branch

    @property
    def steps(self) -> int:
        """How many samples until the one that is looked at."""
        return self.shown[1] + 1 if self.shown else self.status.steps

    @property
    def sample(self) -> RecordedSample | None:
        """The sample that is looked at."""
        return self.reader.sample(self.branch, self.steps - 1) if self.reader else None

    @property
    def inside(self) -> InsideStop | None:
        """Where in the sample after it the training has stopped."""
        if self.shown or self.reader is None:
            return None
        inside = self.reader.inside(self.branch)
        return inside if inside is not None and inside.step == self.steps else None

    @property
    def stack(self) -> Stack | None:
        """The user's frames there."""
        return self.reader.stack(self.branch, self.steps) if self.reader else None

    def look_at(self, shown: tuple[int, int] | None) -> None:
        """Look at a branch and step, None for the newest."""
        if shown != self.shown:
            self.shown = shown
            self.on_look()

    @property
    def where(self) -> str:
        """Which moment it is, for people."""
        return where(self.sample, self.inside)

    @property
    def at(self) -> dict[str, Any]:
        """The same for programs: as people count, `step` in the run; inside a sample more."""
        sample, inside = self.sample, self.inside
        if inside is None:
            epoch, index = (sample.epoch, sample.index + 1) if sample else (None, None)
            return {"epoch": epoch, "sample": index, "step": self.steps}
        epoch, index = next_place(sample) or (None, None)
        place = {"phase": inside.phase, "position": inside.position, "op": inside.op}
        return {"epoch": epoch, "sample": index, "step": self.steps + 1, **place}
