"""Where the training was sent, and what it meets on its way there: it does not stop before."""

from __future__ import annotations

from dataclasses import dataclass

from bptui.protocol import Met, Step, Travel

_ALL = 1 << 40


@dataclass
class Goal:
    """Where to stop next.

    Attributes:
        stop_at: Stop after so many samples of the run, None for no such limit.
        epochs: Stop after so many epoch ends, None for no such limit.
        since: How many samples there were when the goal was set.
        inside: The step that may end inside a sample, None if it is none.
        left: So many stops inside are still to come until it ends.
    """

    stop_at: int | None = None
    epochs: int | None = None
    since: int = 0
    inside: Step | None = None
    left: int = 0


class Way:
    """The way to a place; it is over with the next stop, which is there."""

    def __init__(self) -> None:
        self._travel: Travel | None = None
        self._phases: list[str] = []
        self._hits: list[tuple[int, int]] = []
        self._first: tuple[int, bool] = (0, False)
        self._since = 0  # the sample at hand is the one after so many; what was counted in it:
        self._arrivals = self._halts = 0

    @property
    def sought(self) -> int | None:
        """Which op, node or update is the first with something not finite; 0 to find it, None if nobody asks."""
        if self._travel is None or not (self._travel.event or self._travel.seek == "nonfinite"):
            return None
        return self._travel.event

    def skips(self, steps: int) -> str:
        """What of the sample after so many is to be put back, empty for nothing."""
        travel = self._travel
        return travel.skip if travel is not None and steps == travel.steps - 1 else ""

    def find(self, event: int, is_older: bool) -> None:
        """This is the first one; or it was so before the sample."""
        self._first = event, is_older

    @property
    def is_on(self) -> bool:
        """Whether it is not there yet."""
        return self._travel is not None

    def begin(self, travel: Travel) -> None:
        """Go there."""
        self._travel, self._phases, self._hits, self._first = travel, [], [], (0, False)

    def end(self) -> Met | None:
        """It is there: what was met, if that was asked for."""
        travel, self._travel = self._travel, None
        if travel is None or not travel.seek:
            return None
        return Met(tuple(self._phases), tuple(self._hits), *self._first)

    def goal(self, steps: int, arrival: int = 0) -> Goal:
        """The next part of the way, after so many samples; one that ends there if it is there.

        Args:
            steps: How many.
            arrival: At which stop inside the next one it stands, 0 for none.
        """
        travel = self._travel
        assert travel is not None
        last = travel.steps - travel.is_within
        if steps < last:
            return Goal(last)
        if steps == last:
            self._phases = []
        if travel.skip:
            return Goal(travel.steps)
        if travel.is_within and steps == last:
            return Goal(travel.steps, inside=Step("op"), left=_ALL)
        if travel.event:
            return Goal(travel.steps + 1, inside=Step("op"), left=_ALL)
        if travel.inside:
            return Goal(inside=Step("op"), left=travel.inside - arrival)
        return Goal(travel.steps + bool(travel.halt))

    def arrives(self, phase: str, steps: int) -> None:
        """A stop inside a sample, after `steps` whole ones, has come."""
        self._enter(steps)
        self._arrivals += 1
        if self._travel is not None and self._travel.seek == "stops":
            self._phases.append(phase)

    def halts(self, hit: tuple[int, ...], steps: int) -> tuple[int, ...]:
        """Of the breakpoints that hit inside a sample, after `steps` whole ones, those for which to stop."""
        if not hit:
            return hit
        self._enter(steps)
        self._halts += 1
        travel = self._travel
        if travel is None:
            return hit
        at = self._arrivals if travel.inside else self._halts
        if (steps, at) == (travel.steps, travel.inside or travel.halt):
            return hit
        return self._passes(steps, self._halts)

    def completes(self, hit: tuple[int, ...], steps: int) -> tuple[int, ...]:
        """The same after a sample."""
        if not hit or self._travel is None:
            return hit
        travel = self._travel
        is_there = (travel.steps, 0) == (steps, travel.inside or travel.halt or travel.event)
        self._passes(steps, 0)
        return hit if is_there else ()

    def halted(self, steps: int) -> int:
        """How many hits of breakpoints there were inside the sample after so many."""
        return self._halts if steps == self._since else 0

    def _enter(self, steps: int) -> None:
        if steps != self._since:
            self._since, self._arrivals, self._halts = steps, 0, 0

    def _passes(self, steps: int, halt: int) -> tuple[int, ...]:
        if self._travel is not None and self._travel.seek == "hits":
            self._hits.append((steps, halt))
        return ()
