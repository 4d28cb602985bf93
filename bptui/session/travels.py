"""Going back: which copy of the training is woken, and where it is sent from there."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence

from bptui.protocol import Assign, Back, Met, Stopped, Travel
from bptui.session.branches import Branches
from bptui.session.checkpoints import Checkpoint, Checkpoints

NO_OP = "no op, node or update that was heard gave a number that is not finite"
"""Something else has: numpy, C++, a write into memory; or only a norm is too large."""

FIRST = "this is before the first sample"


class Travels:
    """Where the training stands, and how it gets elsewhere.

    Attributes:
        at: Where it has stopped last.
        is_seeking: Whether the stop that comes next is only one on the way.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        wake: Callable[[Checkpoint], Awaitable[None]],
        send: Callable[[Travel | Assign], None],
        branches: Branches,
    ) -> None:
        """Stand before the first sample.

        Args:
            checkpoints: What there is to return to.
            wake: Makes a copy the training.
            send: Sends the training on its way.
            branches: Which branch is at hand, and how it hangs together with the others.
        """
        self._checkpoints, self._wake, self._send, self._branches = checkpoints, wake, send, branches
        self.at = Stopped(0)
        self._is_over = False
        self.is_seeking = False
        self._met = Met()
        self._stop: asyncio.Future[Stopped | None] | None = None

    def stopped(self, event: Stopped) -> None:
        """It stands."""
        self.at, self._is_over = event, False
        self._end(event)

    def ended(self, steps: int) -> None:
        """It has come to its end, after so many samples."""
        self.at, self._is_over = Stopped(steps), True
        self._end(None)

    def met(self, event: Met) -> None:
        """What it has met on its way."""
        self._met = event

    def abandon(self) -> None:
        """The next stop is one for the user."""
        self.is_seeking = False

    def _end(self, event: Stopped | None) -> None:
        if self._stop is not None and not self._stop.done():
            self._stop.set_result(event)

    async def to(self, travel: Travel) -> str:
        """Go to a place; one line why there is no way."""
        await self._checkpoints.complete()
        checkpoint = self._nearest(travel)
        if self._is_ahead(travel) and (checkpoint is None or checkpoint.steps <= self.at.steps):
            self._send(travel)
            return ""
        if checkpoint is not None:
            await self._wake(checkpoint)
        elif not await self._begin_again(travel.branch):
            return _no_copy(travel)
        self._send(travel)
        return ""

    async def _begin_again(self, branch: int) -> bool:
        """Stand where a branch begins that is known by what was set there; whether that was possible."""
        fork = self._branches.parent_of(branch)
        copies = self._lineage(fork[1], fork[0]) if fork is not None else ()
        beginning = self._branches.raced(branch)
        if fork is None or not copies or beginning is None:
            return False
        if await self._seek(Travel(fork[1]), copies[0]) is None:
            return False
        self._branches.joins = branch
        self._send(beginning)
        return True

    @property
    def is_between(self) -> bool:
        """Whether it stands between two samples."""
        return not (self.at.is_amid or self._is_over)

    async def back(self, command: Back) -> str:
        """Go back by samples, ops, phases, or to a hit; one line why there is no way."""
        if command.granularity == "hit":
            return await self._to_hit()
        if command.granularity == "nonfinite":
            return await self.to_nonfinite()
        if command.granularity == "sample":
            return await self.to(Travel(max(0, self.at.steps + self.at.is_amid - command.count)))
        for _ in range(command.count):
            problem = await self._one_back(by_phase=command.granularity == "phase")
            if problem is not None:
                return problem
        return ""

    async def _one_back(self, by_phase: bool) -> str | None:
        """Go there; None if it did, else one line why there is no way, empty if it has stopped elsewhere."""
        steps, inside, is_amid, branch = self.at.steps, self.at.inside, self.at.is_amid, self._branches.at_hand
        if is_amid and (inside <= 1 or not by_phase):
            return await self._arrive(Travel(steps, max(0, inside - 1)))
        if not is_amid and not steps:
            return FIRST
        way = Travel(steps, inside, seek="stops")
        if self._nearest(way) is None:
            return _no_copy(way)
        met = await self._seek(way)
        if met is None:
            return ""
        stops = _beginnings(met.phases) if by_phase else range(1, len(met.phases) + 1)
        before = [each for each in stops if not inside or each < inside]
        inside = max(before, default=0)
        return await self._arrive(Travel(steps - (not is_amid), inside, branch=branch if inside else -1))

    async def _to_hit(self) -> str:
        """Run again from copy to copy, the last one first, until a breakpoint is hit on the way to here."""
        at, is_amid = self.at, self.at.is_amid
        if not at.steps and not is_amid:
            return FIRST
        end = Travel(at.steps, at.inside, 0 if at.inside else at.halt, seek="hits")
        for checkpoint in self._lineage(at.steps):
            if checkpoint.steps == at.steps and not is_amid:
                continue
            met = await self._seek(end, checkpoint)
            if met is None:
                return ""
            if before := [hit for hit in met.hits if is_amid or tuple(hit) != (at.steps, 0)]:
                steps, halt = max(before)
                return await self._arrive(Travel(steps, halt=halt)) or ""
            end = Travel(checkpoint.steps, seek="hits")
        return await self._arrive(Travel(0)) or f"no breakpoint was hit before: {FIRST}"

    async def to_nonfinite(self) -> str:
        """Go to where in the sample at hand a number was first not finite; one line why it is not there."""
        here = self.at.steps + self.at.is_amid
        await self._checkpoints.complete()
        if not here or self._nearest(Travel(here, seek="nonfinite")) is None:
            return f"there is no copy of the training from before sample {here}"
        met, steps = await self._seek(Travel(here, seek="nonfinite")), here
        if met is not None and met.is_older and steps > 1:  # an update that nobody looked at
            older = await self._seek(Travel(steps - 1, seek="nonfinite"))
            if older is not None and older.event:
                met, steps = older, steps - 1
        if met is not None and met.event:
            await self._arrive(Travel(steps - 1, event=met.event))
        return NO_OP if met is not None and not met.event else ""

    async def _arrive(self, travel: Travel) -> str | None:
        """Go there, and wait until it stands; None if it does, else one line why not, empty if it has ended."""
        self._stop = asyncio.get_running_loop().create_future()
        if problem := await self.to(travel):
            return problem
        return None if await self._stop is not None else ""

    async def _seek(self, travel: Travel, start: Checkpoint | None = None) -> Met | None:
        """Go there, and say what was met; None if it was stopped on its way, or has ended."""
        await self._checkpoints.complete()
        checkpoint = start or self._nearest(travel)
        if checkpoint is None:
            return None
        self.is_seeking, self._met = True, Met()
        self._stop = asyncio.get_running_loop().create_future()
        await self._wake(checkpoint)
        self._send(travel)
        stop = await self._stop
        was_seeking, self.is_seeking = self.is_seeking, False
        return self._met if was_seeking and stop is not None else None

    async def first(self) -> Checkpoint | None:
        """The copy from before the first sample of the run, whatever was set there since."""
        await self._checkpoints.complete()
        branch = self._branches.at_hand
        while (fork := self._branches.parent_of(branch)) is not None:
            branch = fork[0]
        return next(iter(self._checkpoints.before(branch, 0)), None)

    def nearest(self, step: int) -> Checkpoint | None:
        """The last copy from which a sample of the branch can be executed."""
        return next(iter(self._lineage(step)), None)

    def _is_ahead(self, travel: Travel) -> bool:
        """Whether it comes there by going on."""
        if self._is_over:
            return False
        if travel.branch not in (-1, self._branches.at_hand):
            return False
        first = travel.steps - bool(travel.skip)
        if first != self.at.steps:
            return first > self.at.steps
        if not self.at.is_amid:
            return True
        return bool(self.at.inside) and travel.inside > self.at.inside

    def _nearest(self, travel: Travel) -> Checkpoint | None:
        """The last copy that leads there; not one that has written what is not in its files any more."""
        inside = 0 if travel.seek else travel.inside  # to say all that is met, from the sample's beginning
        shared = self._shared(travel.branch)
        lineage = self._lineage(travel.steps - travel.is_within, travel.branch, inside)
        found = next((each for each in lineage if each.steps <= shared or not each.writes), None)
        if found is None or travel.branch in (-1, found.branch):
            return found
        return self._at_fork(travel, found)

    def _at_fork(self, travel: Travel, parents: Checkpoint) -> Checkpoint | None:
        """Which copy leads to a place of a branch of which none does that stands between two samples."""
        fork = self._branches.parent_of(travel.branch)
        if fork is None or travel.steps > fork[1]:
            return None
        first = self._checkpoints.first_inside(travel.branch)
        if travel.steps < fork[1] or (first is not None and travel.inside):
            return parents
        return first

    def _shared(self, branch: int) -> float:
        """How many samples of a branch, -1 for the one at hand, are behind where the training stands."""
        ours = self._limits(self._branches.at_hand, self.at.steps)
        theirs = self._limits(self._branches.at_hand if branch == -1 else branch, math.inf)
        return next((min(ours[each], limit) for each, limit in theirs.items() if each in ours), 0)

    def _limits(self, branch: int, steps: float) -> dict[int, float]:
        """The branches that lead to a place, the last one first: how many samples of each."""
        found = {branch: steps}
        while (fork := self._branches.parent_of(branch)) is not None:
            branch, steps = fork[0], min(steps, fork[1])
            found[branch] = steps
        return found

    def _lineage(self, steps: int, branch: int = -1, inside: int = 0) -> Sequence[Checkpoint]:
        """The copies from which a sample can be reached, the last one first, also those of the branches before."""
        found: list[Checkpoint] = []
        branch = self._branches.at_hand if branch == -1 else branch
        while True:
            fork = self._branches.parent_of(branch)
            if fork is None or steps >= fork[1]:
                found += self._checkpoints.before(branch, steps, inside)
            if fork is None or (found and steps >= fork[1]):
                return found
            if steps > fork[1]:
                inside = 0
            branch, steps = fork[0], min(steps, fork[1])


def _no_copy(travel: Travel) -> str:
    return f"there is no copy of the training from before sample {travel.steps - travel.is_within + 1}"


def _beginnings(phases: Sequence[str]) -> list[int]:
    """Where, from 1, each phase begins."""
    return [i for i, phase in enumerate(phases, 1) if i == 1 or phases[i - 2] != phase]
