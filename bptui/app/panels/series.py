"""A quantity over the samples of a branch, as plots take it; and that of another branch over it."""

from __future__ import annotations

from bptui.app.widgets.plot import Range
from bptui.recording.buckets import Column
from bptui.recording.reader import Reader

_WIDEST = 4
"""So many columns of a plot one sample has at most, while there are few."""

Series = tuple[Range | None, ...]


def series(
    reader: Reader, branch: int, steps: int, quantity: str, wanted: int
) -> tuple[Series, frozenset[int], frozenset[int]]:
    """A quantity of the first samples of a branch.

    Few samples get some columns each, and are joined to steps.

    Returns:
        The range of each column, at most `wanted`; which of them are bad; with which one begins a sample before
        which something was set.
    """
    columns = reader.columns(branch, steps, quantity, wanted)
    times = max(1, min(_WIDEST, wanted // max(len(columns), 1)))
    ranges: list[Range | None] = []
    for before, column in zip((None, *columns), columns, strict=False):
        ranges += [_joined(before, column), *([_joined(None, column)] * (times - 1))]
    bad = frozenset(i for i in range(len(ranges)) if columns[i // times].bad)
    return tuple(ranges), bad, frozenset(i * times for i, column in enumerate(columns) if column.edited)


def over_each_other(
    reader: Reader, first: tuple[int, int], second: tuple[int, int], quantity: str, wanted: int
) -> tuple[Series, frozenset[int], frozenset[int], Series]:
    """The same of two branches, of which each sample has as many columns.

    Args:
        reader: The recording.
        first: A branch, and how many of its samples.
        second: The same of the other one.
        quantity: The quantity.
        wanted: How many columns the longer one has.
    """
    total = max(first[1], second[1], 1)
    one, other = (
        series(reader, branch, steps, quantity, wanted * steps // total) for branch, steps in (first, second)
    )
    return *one, other[0]


def _joined(before: Column | None, column: Column) -> Range | None:
    """The range of a column, drawn on from the end of the one before."""
    if column.min is None or column.max is None:
        return None
    if before is None or before.min is None or before.max is None:
        return column.min, column.max
    return min(column.min, before.max), max(column.max, before.min)
