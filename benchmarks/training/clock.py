"""The processor's time after each sample, written where a benchmark reads it while the training runs."""

from __future__ import annotations

import functools
import time
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

CLOCK, NOTICING = "clock=", "noticing="
"""Begin the way of a training that writes it; the path of the file follows. The other writes, too, what of it
`bptui.debuggee.noticing` takes."""


def clock(way: str) -> Callable[[int, object], None]:
    """Writes down when each sample was over, in seconds of this process alone."""
    file = Path(way.partition("=")[2]).open("wb", buffering=0)  # noqa: SIM115 - as long as the training runs
    spent = _noticing() if way.startswith(NOTICING) else [0.0]
    return lambda count, loss: file.write(array("d", [time.process_time(), spent[0]])) and None


def _noticing() -> list[float]:
    """Holds how many seconds all that looks for what is wrong has taken so far."""
    from bptui.debuggee.noticing import Noticing

    spent = [0.0]

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*values: Any) -> Any:
            began = time.process_time()
            try:
                return method(*values)
            finally:
                spent[0] += time.process_time() - began

        return call

    for name in ("begin", "backward", "complete", "updated"):
        setattr(Noticing, name, timed(getattr(Noticing, name)))
    return spent


class Clock:
    """Reads it.

    Attributes:
        way: That of the training.
    """

    def __init__(self, path: Path, way: str = CLOCK) -> None:
        """Of a training that has not begun."""
        self._path = path
        self.way = f"{way}{path}"

    @property
    def count(self) -> int:
        """How many samples are over."""
        return self._path.stat().st_size // 16

    def times(self, first: int, count: int) -> list[float]:
        """Seconds of each of these samples; the first of all has none."""
        return [after - before for before, after in pairwise(self._read(first, count)[::2])]

    def noticing(self, first: int, count: int) -> float:
        """How many of the seconds of these samples it took."""
        numbers = self._read(first, count)[1::2]
        return numbers[-1] - numbers[0]

    def _read(self, first: int, count: int) -> array[float]:
        numbers = array("d")
        with self._path.open("rb") as file:
            file.seek((first - 1) * 16)
            numbers.frombytes(file.read((count + 1) * 16))
        return numbers
