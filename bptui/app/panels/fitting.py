"""Which columns of a table have room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bptui.app.widgets.table_rows import least_width
from bptui.app.widgets.virtual_table import Column


@dataclass(frozen=True, slots=True)
class Shown:
    """A column: how it is drawn, and how dear it is where there is little room (0 and 1 always stay)."""

    column: Column
    rank: int
    decimals: int = 4


def fitting(columns: Mapping[str, Shown], width: int) -> dict[str, Shown]:
    """The columns that fit in so many cells, in their order, the dearest first in."""
    names = list(columns)
    while least_width([columns[name].column for name in names]) > width:
        cheapest = max(names, key=lambda name: columns[name].rank)
        if columns[cheapest].rank <= 1:
            break
        names.remove(cheapest)
    return {name: columns[name] for name in names}
