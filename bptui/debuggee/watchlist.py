"""The expressions that the user watches."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from bptui.debuggee.evaluator import Evaluator
from bptui.records import Value

SLOW = 0.005
"""Seconds of one that is looked at only where the training stops."""

LONGEST = 200
"""Characters of a value that are kept."""


class Watchlist:
    """Evaluates them at every stop, and now and then while the training runs."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._expressions: tuple[str, ...] = ()
        self._slow: set[str] = set()

    def choose(self, expressions: Iterable[str]) -> None:
        """Watch these, and no others."""
        self._expressions, self._slow = tuple(expressions), set()

    def values(self, is_running: bool) -> dict[str, Value]:
        """What they are now; while it runs, of those that take no time."""
        return {each: self._value(each) for each in self._expressions if not (is_running and each in self._slow)}

    def _value(self, expression: str) -> Value:
        began = time.perf_counter()
        value = self._evaluator.value(expression)
        if time.perf_counter() - began > SLOW:
            self._slow.add(expression)
        text = " ".join(value.text.split())  # of a tensor, its lines in one
        return replace(value, text=text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
