"""Which samples are traced while running: the first few, and then so many as cost a small share of the time."""

from __future__ import annotations

import time

FIRST = 8
"""Samples at the beginning that are traced however short the run is: most faults are there from the start."""

ROWS = 5_000
"""Of graphs larger than that in all, fewer are traced at the beginning."""


class LiveTraces:
    """Measures what a traced sample costs more than the others, and says when the next may follow.

    Then two samples in a row are traced, as only both together show an update.

    Attributes:
        share: Of the running time, at most so much goes into graphs that nobody has asked for.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self._rows = 0
        self._due = 0.0
        self._second = -1
        self._began: float | None = None
        self._ended: float | None = None
        self._steps = 0
        self._typical: float | None = None

    def is_due(self, steps: int, has_ticked: bool) -> bool:
        """Whether the sample after so many is to be traced.

        Args:
            steps: How many samples there are.
            has_ticked: Whether somebody has looked since the last one was traced.
        """
        if self.share <= 0:
            return False
        is_first = steps < FIRST and self._rows < ROWS
        # What one costs more is known only beside one that is not traced: where each takes longer than it is until
        # somebody looks again, all would be.
        is_after_one = steps > self._steps and has_ticked
        return is_first or steps == self._second or (is_after_one and time.perf_counter() >= self._due)

    def begin(self, steps: int) -> None:
        """A sample that is traced begins; there are so many before it."""
        self._began = time.perf_counter()
        if self._ended is not None and steps > self._steps:
            self._typical = (self._began - self._ended) / (steps - self._steps)
        if steps != self._second:
            self._second = steps + 1

    def end(self, steps: int, rows: int) -> None:
        """A sample that was traced is complete, with a graph of so many rows."""
        now = time.perf_counter()
        self._ended, self._steps = now, steps
        self._rows += rows
        if self._began is None:
            return
        if self._typical is not None and self.share:  # the first ones are free
            self._due = max(self._due, self._began) + (now - self._began - self._typical) / self.share
        self._began = None
