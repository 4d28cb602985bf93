"""Which columns of a table have room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bptui.app.widgets.table_rows import least_width
from bptui.app.widgets.virtual_table import Column


@dataclass(frozen=True, slots=True)
class Shown:
    """A column: how it is drawn, and how dear it is where there is little room (0 and 1 always stay).

    Attributes:
        column: The column, as wide as it wants to be.
        rank: The larger, the sooner it is left out.
        decimals: Of its numbers.
        least: So few cells are enough for it; 0 if it needs its width.
    """

    column: Column
    rank: int
    decimals: int = 4
    least: int = 0


def fitting(columns: Mapping[str, Shown], width: int) -> dict[str, Shown]:
    """The columns that fit in so many cells, in their order, the dearest first in; some narrower if need be."""
    narrow = {name: _resized(shown, shown.least or shown.column.width) for name, shown in columns.items()}
    while (spare := width - least_width([shown.column for shown in narrow.values()])) < 0:
        cheapest = max(narrow, key=lambda name: narrow[name].rank)
        if narrow[cheapest].rank <= 1:
            break
        del narrow[cheapest]
    for name, shown in narrow.items():
        more = min(columns[name].column.width - shown.column.width, max(spare, 0))
        narrow[name], spare = _resized(shown, shown.column.width + more), spare - more
    return narrow


def _resized(shown: Shown, width: int) -> Shown:
    return replace(shown, column=replace(shown.column, width=width))
