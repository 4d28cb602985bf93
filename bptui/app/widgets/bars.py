"""Bars side by side over a logarithmic axis, drawn with text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from os.path import commonprefix

from .plot import BARS

_SLACK = 3
"""An axis may have so many decades more than three times those it needs, lest it move with every sample."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        label: What it stands for; of a path, the last part is used where there is little room.
        value: The logarithm of its value, to the base 10, if it has one.
        letters: What is written above it, or in its place if it has no value.
        kind: Names the component class `bar-chart--KIND` that colours it; plain if empty.
    """

    label: str
    value: float | None
    letters: str = ""
    kind: str = ""


def axis(bars: Sequence[Bar]) -> tuple[int, int]:
    """The whole decades around all values, at least one, so that differences are seen."""
    values = [bar.value for bar in bars if bar.value is not None]
    low = floor(min(values, default=-1))
    return low, max(ceil(max(values, default=0)), low + 1)


def grown(old: tuple[int, int] | None, new: tuple[int, int]) -> tuple[int, int]:
    """The axis stays unless something leaves it; then it grows, unless most of it would be empty."""
    if old is None:
        return new
    low, high = min(old[0], new[0]), max(old[1], new[1])
    return (low, high) if high - low <= 3 * (new[1] - new[0]) + _SLACK else new


def ticks(low: int, high: int, rows: int) -> list[str]:
    """The label beside each row, at the upper edge of which it stands; the last one is the base line's."""
    labels = [""] * (rows + 1)
    step = max(1, ceil((high - low) / max(rows, 1)))
    for decade in range(high, low, -step):
        labels[(high - decade) * rows // (high - low)] = f"1e{decade}"
    return [*labels[:-1], f"1e{low}"]


def column(bar: Bar, low: int, high: int, rows: int, width: int) -> list[str]:
    """A bar of so many rows, the uppermost first, each of `width` cells."""
    if bar.value is None:
        return _letters(bar.letters, rows, width)
    eighths = max(1, round((bar.value - low) / (high - low) * rows * 8))
    full, rest = divmod(eighths, 8)
    cells = [glyph * width for glyph in "█" * full + (BARS[rest - 1] if rest else "")]
    if bar.letters:
        # Above the bar; in its uppermost row, if it reaches so far.
        letters = bar.letters if len(bar.letters) <= width else bar.letters[0]
        cells = [*cells[: rows - 1], letters.center(width)]
    return [*[" " * width] * (rows - len(cells)), *reversed(cells[:rows])]


def _letters(text: str, rows: int, width: int) -> list[str]:
    """Letters at the foot of the column; below one another if they are too many for its width."""
    if len(text) <= width:
        return [" " * width] * (rows - 1) + [text.center(width)]
    upright = text if len(text) <= rows else text[0]
    return [letter.center(width) for letter in upright.rjust(rows)]


def names(bars: Sequence[Bar], width: int) -> list[str]:
    """The labels as they fit in `width` cells each: whole but for what all begin with, or their last parts.

    Empty if they do not fit, or if two were the same.
    """
    labels = [bar.label for bar in bars]
    shared = commonprefix(labels).rfind(".") + 1 if len(labels) > 1 else 0  # noqa: RUF071 - whole parts by rfind
    for fitted in ([label[shared:] for label in labels], [label.rpartition(".")[2] for label in labels]):
        if all(len(label) <= width for label in fitted) and len(set(fitted)) == len(fitted):
            return fitted
    return []
