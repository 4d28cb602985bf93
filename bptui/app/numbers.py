"""Numbers as the screen shows them: of fixed width, points aligned, NaN and Inf in letters and colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from textual.content import Content

from bptui.app.widgets.plot import bars
from bptui.recording.buckets import Column
from bptui.records import TensorSummary

UP, DOWN, SAME = "▴", "▾", " "
"""Whether a number grew or shrank since the last stop."""


def number(value: float, width: int, decimals: int = 4) -> str:
    """A number in at most `width` cells: `decimals` places, fewer if they do not fit, else powers of ten.

    An exact zero is 0 with its places; a small number keeps two digits and never looks like zero. Six cells
    have room for anything between 1e-99 and 1e99.
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+.0f}".title()
    if isinstance(value, int):
        return text if len(text := str(value)) <= width else _scientific(value, width)
    for places in range(decimals, -1, -1):
        if value and abs(value) < 10 ** (1 - places):
            continue
        if len(text := f"{abs(value) if value == 0 else value:.{places}f}") <= width:
            return text
    return _scientific(value, width)


def _scientific(value: float, width: int) -> str:
    texts = (exponential(value, places) for places in range(width, 0, -1))
    return next((text for text in texts if len(text) <= width), exponential(value, 0))


def exponential(value: float, places: int) -> str:
    """As Python writes it, but for signs and zeros of the exponent that say nothing: 1.5e-7, 1.5e12."""
    digits, exponent = f"{value:.{places}e}".split("e")
    return f"{digits}e{int(exponent)}"


def cell(summary: TensorSummary | None, width: int, decimals: int = 4) -> Content:
    """A quantity in a table cell: its value if it is one number, else its norm as ‖…."""
    if summary is None:
        return Content.styled("–", "$text-muted")
    if summary.item is not None:
        return styled(number(summary.item, width, decimals), summary)
    text = "" if summary.norm is None else "‖" + number(summary.norm, width - 1, decimals)
    return styled(nonfinite(summary) or text or "empty", summary)


def styled(text: str, summary: TensorSummary) -> Content:
    """Text about a quantity, which stands out if it is not finite."""
    return Content.styled(text, "bold $text-error") if summary.nonfinite else Content(text)


EDITED = "◆"
"""Marks the sample before which something was set by hand."""


def norm(value: float | None, width: int, decimals: int = 4) -> Content:
    """A norm in a table cell; one that is not finite stands out."""
    if value is None:
        return Content.styled("–", "$text-muted")
    return Content.styled(number(value, width, decimals), "" if math.isfinite(value) else "bold $text-error")


def norm_cell(summary: TensorSummary, width: int, decimals: int = 4) -> Content:
    """The norm of a quantity in a table cell whose label says so."""
    return norm(norm_of(summary), width, decimals)


def norm_of(summary: TensorSummary) -> float | None:
    """The norm over all elements: NaN if one is, else infinite if one is."""
    return math.nan if summary.nans else math.inf if summary.nonfinite else summary.norm


def short(count: int) -> str:
    """A count in at most five cells, rounded: "999", "12.3K", "124M"."""
    value, units = float(count), iter(("", "K", "M", "G", "T"))
    unit = next(units)
    while value >= 999.5:
        value, unit = value / 1000, next(units)
    return f"{value:.3g}{unit}" if unit else str(count)


def spark(columns: Sequence[Column]) -> str:
    """A series as a row of bars: blank where nothing is known, × where a value was not finite.

    Where something was set by hand there is `EDITED` in place of the bar.
    """
    drawn = bars([math.nan if column.bad else column.max for column in columns])
    if not any(column.edited for column in columns):
        return drawn
    return "".join(EDITED if column.edited else bar for column, bar in zip(columns, drawn, strict=True))


def nonfinite(summary: TensorSummary) -> str:
    """Which elements are not finite, in short: "2 NaN, 1 +Inf"; empty if all are."""
    counts = ((summary.nans, "NaN"), (summary.pos_infs, "+Inf"), (summary.neg_infs, "-Inf"))
    return ", ".join(f"{count} {name}" for count, name in counts if count)


def direction(now: TensorSummary | None, before: TensorSummary | None) -> str:
    """The mark of a change since the last stop: by value, or by norm if there are several elements."""
    if now is None or before is None or now.shape != before.shape:
        return SAME
    new, old = (_size(now), _size(before))
    if new is None or old is None or new == old or math.isnan(new) or math.isnan(old):
        return SAME
    return UP if new > old else DOWN


def _size(summary: TensorSummary) -> float | None:
    return summary.item if summary.item is not None else summary.norm


class Shaped(Protocol):
    """What has a shape: a tensor's summary, a parameter, a kind."""

    @property
    def shape(self) -> Sequence[int]:
        """Its dimensions."""


def shape(of: Shaped) -> str:
    """A shape as mathematics writes it: "3×4"; "scalar" for ()."""
    return "×".join(map(str, of.shape)) or "scalar"
