"""The processor's time after each sample, written where a benchmark reads it while the training runs."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

CLOCK = "clock="
"""Begins the way of a training that writes it; the path of the file follows."""


def clock(path: str) -> Callable[[int, object], None]:
    """Writes down when each sample was over, in seconds of this process alone."""
    file = Path(path).open("wb", buffering=0)  # noqa: SIM115 - as long as the training runs
    return lambda count, loss: file.write(array("d", [time.process_time()])) and None


class Clock:
    """Reads it.

    Attributes:
        way: That of the training.
    """

    def __init__(self, path: Path) -> None:
        """Of a training that has not begun."""
        self._path = path
        self.way = f"{CLOCK}{path}"

    @property
    def count(self) -> int:
        """How many samples are over."""
        return self._path.stat().st_size // 8

    def times(self, first: int, count: int) -> list[float]:
        """Seconds of each of these samples; the first of all has none."""
        times = array("d")
        with self._path.open("rb") as file:
            file.seek((first - 1) * 8)
            times.frombytes(file.read((count + 1) * 8))
        return [after - before for before, after in pairwise(times)]
