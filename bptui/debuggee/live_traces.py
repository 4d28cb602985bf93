"""Which samples are traced while running: so many as cost a small share of the time."""

from __future__ import annotations

import time


class LiveTraces:
    """Measures what a traced sample costs more than the others, and says when the next may follow.

    Attributes:
        share: Of the running time, at most so much goes into graphs that nobody has asked for.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self._due = 0.0
        self._began: float | None = None
        self._ended: float | None = None
        self._steps = 0
        self._typical = 0.0

    def is_due(self) -> bool:
        """Whether the last one is paid for."""
        return self.share > 0 and time.perf_counter() >= self._due

    def begin(self, steps: int) -> None:
        """A sample that is traced begins; there are so many before it."""
        self._began = time.perf_counter()
        if self._ended is not None and steps > self._steps:
            self._typical = (self._began - self._ended) / (steps - self._steps)

    def end(self, steps: int) -> None:
        """A sample that was traced is complete."""
        now = time.perf_counter()
        self._ended, self._steps = now, steps
        if self._began is not None:
            cost = now - self._began - self._typical
            self._began, self._due = None, now + cost / self.share if self.share else now
