"""Breakpoints on what never comes: an op, module or parameter of a name that no sample has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bptui.breakpoints import KINDS, named
from bptui.expressions import parse, suggestion
from bptui.records import Breakpoint

_QUANTITIES = {"op": "op", "module": "module", "param": "leaf"}
"""What an op or node has to be of this name, by kind of breakpoint."""


class Unseen:
    """Follows whether what a breakpoint names is ever there.

    Attributes:
        problem: That it was not in a whole sample, in one line; empty if it was, or is not known yet.
    """

    def __init__(self, breakpoint_: Breakpoint) -> None:
        """Know nothing of it yet."""
        self.problem = ""
        self._kind, self._what = named(breakpoint_)
        self._is_open = self._kind in _QUANTITIES
        self._place = parse(KINDS[self._kind].condition(self._what)) if self._is_open else None
        self._names: set[str] = set()
        self._since = -1

    def look(self, quantities: Mapping[str, Any], step: int) -> bool:
        """At an op or node of a sample; whether there is news of it."""
        if not self._is_open or self._place is None:
            return False
        if self._since < 0:
            self._since = step
        if not self._place.holds(quantities):
            self._names.update(filter(None, [quantities[_QUANTITIES[self._kind]]]))
            return False
        was, self._is_open, self.problem = self.problem, False, ""
        return bool(was)

    def end(self, step: int) -> bool:
        """A sample is over; whether there is news of it."""
        if not self._is_open or self._since < 0 or step <= self._since:  # the first one had begun before
            return False
        before = self.problem
        self.problem = f"no {self._kind} {self._what} so far{suggestion(self._what, sorted(self._names))}"
        return self.problem != before
