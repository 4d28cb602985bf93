"""Minimum and maximum of ever longer stretches of samples, kept while recording and read for plots."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bptui.recording.schema import FAN, LEVELS, SHIFT, sample_id, step_of
from bptui.records import QUANTITIES

Select = Callable[[str, Sequence[Any]], Iterable[Any]]

_FINITE = "BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308"


def _insert_first() -> str:
    # In SQL, << and | are of one precedence.
    bad = " | ".join(
        f"(max((marks >> {i} & 1) | coalesce({name} NOT {_FINITE}, 0)) << {i})"
        for i, name in enumerate(QUANTITIES)
    )
    ranges = ", ".join(
        f"{pick}(CASE WHEN {name} {_FINITE} THEN {name} END)" for name in QUANTITIES for pick in ("min", "max")
    )
    return (
        f"INSERT INTO buckets SELECT 1, id >> {SHIFT}, {bad}, {ranges} FROM samples "
        f"WHERE id >= ? AND id < ? GROUP BY id >> {SHIFT}"
    )


def _insert_next() -> str:
    bad = " | ".join(f"max(bad & {1 << i})" for i in range(len(QUANTITIES)))
    ranges = ", ".join(f"{pick}({name}_{pick})" for name in QUANTITIES for pick in ("min", "max"))
    return (
        f"INSERT INTO buckets SELECT level + 1, id >> {SHIFT}, {bad}, {ranges} FROM buckets "
        f"WHERE level = ? AND id >= ? AND id < ? GROUP BY id >> {SHIFT}"
    )


_INSERT_FIRST, _INSERT_NEXT = _insert_first(), _insert_next()


class WholeBuckets:
    """Which buckets of a branch have become whole, and were not before."""

    def __init__(self, steps: int = 0) -> None:
        """Those of so many samples were whole before."""
        self._done = [steps >> (SHIFT * level) for level in range(LEVELS)]

    def until(self, steps: int) -> Iterator[tuple[int, int, int]]:
        """The new ones of a branch that has so many samples: (level, first step, the step after the last)."""
        for level in range(1, LEVELS):
            done, whole = self._done[level], steps >> (SHIFT * level)
            if whole == done:
                return
            yield level, done << (SHIFT * level), whole << (SHIFT * level)
            self._done[level] = whole


class BucketWriter:
    """Adds the buckets that have become whole."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.begin_branch()

    def begin_branch(self, steps: int = 0) -> None:
        """Start over, with a branch that has buckets of so many samples."""
        self._whole = WholeBuckets(steps)

    def write(self, branch: int, steps: int) -> None:
        """Add the whole buckets of a branch that has so many samples."""
        for level, begin, end in self._whole.until(steps):
            finer = [sample_id(branch, step) >> (SHIFT * (level - 1)) for step in (begin, end)]
            if level == 1:
                self._db.execute(_INSERT_FIRST, finer)
            else:
                self._db.execute(_INSERT_NEXT, [level - 1, *finer])


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a plot.

    Attributes:
        min: Smallest finite value, None if there is none.
        max: Largest finite value, None if there is none.
        bad: Whether a value was NaN or infinite.
        edited: Whether something was set by hand just before one of its samples.
    """

    min: float | None
    max: float | None
    bad: bool
    edited: bool = False


def columns(select: Select, branch: int, steps: int, quantity: str, count: int) -> tuple[Column, ...]:
    """A quantity over the first `steps` samples of a branch in at most `count` columns of equal width.

    Reads at most 16 · count + 120 rows however long the run is. A bucket that lies across the border of two
    columns counts for the first of them; it is never wider than a column.

    Args:
        select: Gives the rows of an SQL query.
        branch: The branch.
        steps: How many of its samples.
        quantity: One of `QUANTITIES`.
        count: How many columns at most.
    """
    count = min(count, steps)
    if count <= 0:
        return ()
    gathered: list[list[tuple[float | None, float | None, bool]]] = [[] for _ in range(count)]
    for step, low, high, bad in _pieces(select, branch, steps, quantity, steps // count):
        gathered[step * count // steps].append((low, high, bad))
    return tuple(map(_merge, gathered))


def marked(drawn: Sequence[Column], steps: int, edits: Iterable[int]) -> tuple[Column, ...]:
    """The columns of the first `steps` samples, those marked in which one of these samples lies."""
    at = {step * len(drawn) // steps for step in edits if step < steps}
    return tuple(replace(each, edited=True) if i in at else each for i, each in enumerate(drawn))


def _merge(parts: list[tuple[float | None, float | None, bool]]) -> Column:
    lows = [low for low, _, _ in parts if low is not None]
    highs = [high for _, high, _ in parts if high is not None]
    return Column(min(lows, default=None), max(highs, default=None), any(bad for _, _, bad in parts))


def _pieces(
    select: Select, branch: int, steps: int, quantity: str, width: int
) -> Iterator[tuple[int, float | None, float | None, bool]]:
    """(first step, min, max, bad) of pieces no wider than `width`: whole buckets, then finer ones for the rest."""
    for level, span in spans(branch, steps, width):
        for key, low, high, bad in select(*_query(level, quantity, span)):
            yield step_of(key << (SHIFT * level)), low, high, bool(bad)


def spans(branch: int, steps: int, width: int) -> Iterator[tuple[int, list[int]]]:
    """(level, ids from … up to before …) of buckets no wider than `width`, then of finer ones for the rest."""
    begin = 0
    coarsest = max(level for level in range(LEVELS) if level == 0 or FAN**level <= width)
    for level in range(coarsest, -1, -1):
        end = steps >> (SHIFT * level) << (SHIFT * level)
        yield level, [sample_id(branch, step) >> (SHIFT * level) for step in (begin, end)]
        begin = end


def _query(level: int, quantity: str, span: list[int]) -> tuple[str, list[int]]:
    bit = QUANTITIES.index(quantity)
    if level:
        what = f"id, {quantity}_min, {quantity}_max, bad >> {bit} & 1"
        return f"SELECT {what} FROM buckets WHERE level = ? AND id >= ? AND id < ? ORDER BY id", [level, *span]
    finite = f"CASE WHEN {quantity} {_FINITE} THEN {quantity} END"
    bad = f"(marks >> {bit} & 1) | coalesce({quantity} NOT {_FINITE}, 0)"
    return f"SELECT id, {finite}, {finite}, {bad} FROM samples WHERE id >= ? AND id < ? ORDER BY id", span
