"""What every benchmark shares: interleaved runs, medians, rows of the table."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MS = 1e3
US = 1e6


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: What was measured.
        value: Its median.
        unit: Of the value.
        spread: The smallest and the largest measurement.
        ratio: The value relative to the first of its kind, None where there is nothing to compare with.
        quartiles: Between which half of the ratios of single measurements lie.
        target: The most that it, or its ratio if there is one, should be.
    """

    name: str
    value: float
    unit: str
    spread: tuple[float, float] | None = None
    ratio: float | None = None
    target: float | None = None
    quartiles: tuple[float, float] | None = None

    @property
    def is_missed(self) -> bool:
        """Whether it is more than it should be."""
        return self.target is not None and (self.value if self.ratio is None else self.ratio) > self.target


def row(name: str, values: Sequence[float], unit: str, **more: float | None) -> Row:
    """The row of some measurements of one thing."""
    return Row(name, statistics.median(values), unit, (min(values), max(values)), **more)


def paired(
    name: str, values: Sequence[float], base: Sequence[float], unit: str, target: float | None = None
) -> Row:
    """The row of measurements each of which was made beside one of something else: the median of their ratios."""
    ratios = [value / beside for value, beside in zip(values, base, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    spread = min(values), max(values)
    return Row(name, statistics.median(values), unit, spread, middle, target, (low, high))


def interleave(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure each case once, then each once again, …, so that a busy minute hits all alike.

    The order is another in each round: what comes right after something else may bear its traces.
    """
    values: dict[str, list[float]] = {name: [] for name in cases}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample([*cases], len(cases)):
            values[name].append(cases[name]())
    return values


def repeated(action: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of so many calls."""
    values = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        values.append(time.perf_counter() - began)
    return values


def run(*arguments: object) -> str:
    """Run Python with these arguments and return what it prints."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment(), check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def environment() -> dict[str, str]:
    """The environment of everything that is measured: one thread, as the loops are too small for more."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
