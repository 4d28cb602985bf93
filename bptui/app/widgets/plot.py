"""Plots numbers with text: (min, max) ranges in braille dots, single values as a row of bars."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Range = tuple[float, float]
"""The least and the greatest value of a column."""

BARS = "▁▂▃▄▅▆▇█"
BAD = "×"
"""Stands for a value that is NaN or infinite."""

_DOTS_PER_ROW = 4
_BRAILLE = 0x2800
# The bits of a braille character's left and right half, from the bottom dot to the top one.
_HALVES = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))


def range_plots(
    one: Sequence[Range | None], other: Sequence[Range | None] = (), height: int = 1
) -> tuple[tuple[tuple[str, bool, bool], ...], ...]:
    """Plot one vertical (min, max) line per column, two columns a character; two series over each other.

    The plot reaches from the least to the greatest finite value; equal values make a flat line in the middle.

    Args:
        one: Each column's range. `None`, NaN and infinities leave a gap.
        other: Those of the second series, of columns that are as wide.
        height: How many rows of text, each of four dots.

    Returns:
        Row by row each character, and whether it shows the first and the second.
    """
    drawn = _finite(one), _finite(other)
    place = _place([*drawn[0], *drawn[1]], height)
    width = (max(len(one), len(other)) + 1) // 2
    dots = [[[*row, *[0] * (width - len(row))] for row in _dots(each, place, height)] for each in drawn]
    return tuple(
        tuple((_glyph(a | b), bool(a), bool(b)) for a, b in zip(*rows, strict=True))
        for rows in zip(*dots, strict=True)
    )


def _finite(columns: Sequence[Range | None]) -> list[Range | None]:
    return [column if column and isfinite(column[0]) and isfinite(column[1]) else None for column in columns]


def _place(columns: Sequence[Range | None], height: int) -> Callable[[float], int]:
    return _scale((value for column in columns if column for value in column), height * _DOTS_PER_ROW)


def _dots(columns: Sequence[Range | None], place: Callable[[float], int], height: int) -> list[list[int]]:
    """The dots of each character of each row."""
    rows = [[0] * ((len(columns) + 1) // 2) for _ in range(height)]
    for index, column in enumerate(columns):
        if column is None:
            continue
        cell, half = divmod(index, 2)
        for dot in range(place(min(column)), place(max(column)) + 1):
            row, bit = divmod(dot, _DOTS_PER_ROW)
            rows[height - 1 - row][cell] |= _HALVES[half][bit]
    return rows


def _glyph(dots: int) -> str:
    return chr(_BRAILLE + dots) if dots else " "


def bars(values: Sequence[float | None]) -> str:
    """Draw a sparkline of one character a value: blank for `None`, `×` for NaN and infinities."""
    place = _scale((value for value in values if value is not None and isfinite(value)), len(BARS))
    return "".join(" " if v is None else BARS[place(v)] if isfinite(v) else BAD for v in values)


def _scale(values: Iterable[float], steps: int) -> Callable[[float], int]:
    """Make the function that places a finite value on one of `steps` steps, 0 being the lowest."""
    finite = tuple(values)
    # Halved, since the difference of two floats of opposite sign can overflow.
    low = min(finite, default=0.0) / 2
    span = max(finite, default=0.0) / 2 - low
    if span <= 0:
        return lambda _value: (steps - 1) // 2
    return lambda value: round((value / 2 - low) / span * (steps - 1))
