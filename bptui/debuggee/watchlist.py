"""The expressions that the user watches."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from bptui.debuggee.evaluator import TOO_LONG, Evaluator
from bptui.records import Value

SHARE = 0.02
"""Of the running time, so much goes into all of them together."""

LIMIT = 2.0
"""Seconds of the processor after which one is given up: it might never end."""

LONGEST = 200
"""Characters of a value that are kept."""


class Watchlist:
    """Evaluates them at every stop, and while the training runs as often as their share of the time allows."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._due: dict[str, float] = {}
        self._given_up: set[str] = set()

    def choose(self, expressions: Iterable[str]) -> None:
        """Watch these, and no others; what was given up is tried once more."""
        self._due, self._given_up = dict.fromkeys(expressions, 0.0), set()

    def values(self, is_running: bool) -> dict[str, Value]:
        """What they are now; while it runs, those that are due."""
        now = time.monotonic()
        wanted = [each for each, due in self._due.items() if due <= now or not is_running]
        return {each: self._value(each) for each in wanted if each not in self._given_up}

    def _value(self, expression: str) -> Value:
        began = time.monotonic()
        value = self._evaluator.value(expression, limit=LIMIT)
        if value.problem == TOO_LONG:
            self._given_up.add(expression)
        ended = time.monotonic()
        self._due[expression] = ended + (ended - began) * len(self._due) / SHARE
        text = " ".join(value.text.split())  # of a tensor, its lines in one
        return replace(value, text=text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
