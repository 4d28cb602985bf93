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
    """The way to a place; it is over with the next stop, which is there.

    Attributes:
        halt: How many hits of breakpoints there were inside the sample at hand.
    """

    def __init__(self) -> None:
        self._travel: Travel | None = None
        self._phases: list[str] = []
        self._hits: list[tuple[int, int]] = []
        self.halt = 0
        self._first: tuple[int, bool] = (0, False)

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
        return Goal() if travel.halt else Goal(steps)

    def arrives(self, phase: str) -> None:
        """A stop inside a sample has come."""
        if self._travel is not None and self._travel.seek == "stops":
            self._phases.append(phase)

    def halts(self, hit: tuple[int, ...], steps: int) -> tuple[int, ...]:
        """Of the breakpoints that hit inside a sample, after `steps` whole ones, those for which to stop."""
        if not hit:
            return hit
        self.halt += 1
        return self._unless_on(hit, (steps, self.halt))

    def completes(self, hit: tuple[int, ...], steps: int) -> tuple[int, ...]:
        """The same after a sample."""
        self.halt = 0
        return self._unless_on(hit, (steps, 0)) if hit else hit

    def _unless_on(self, hit: tuple[int, ...], place: tuple[int, int]) -> tuple[int, ...]:
        travel = self._travel
        if travel is None or place in ((travel.steps, travel.halt), (travel.steps, 0)):
            return hit
        if travel.seek == "hits":
            self._hits.append(place)
        return ()
