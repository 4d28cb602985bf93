"""A widget that plots a series of (min, max) ranges in the space it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from .plot import BAD, range_plots

if TYPE_CHECKING:
    from .plot import Range

    Series = tuple[Range | None, ...]
    Cells = list[tuple[str, str]]  # sign, style

MARK = "◆"
"""Stands above a column that is marked."""


class Plot(Widget):
    """Plots the newest columns that fit, in as many rows as it is high; another series over them on one scale."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"plot--bad", "plot--mark", "plot--one", "plot--other", "plot--both"}
    """
    | Class | Description |
    | :- | :- |
    | `plot--bad` | The `×` below a column that holds a NaN or an infinity. |
    | `plot--mark` | The `◆` above a column that is marked. |
    | `plot--one` | Where only the first of two series is. |
    | `plot--other` | Where only the second is. |
    | `plot--both` | Where both are. |
    """
    DEFAULT_CSS = """
    Plot {
        height: 1;
        color: $text-primary;
        & > .plot--bad {
            color: $text-error;
            text-style: bold;
        }
        & > .plot--mark { color: $text-accent; }
        & > .plot--one { color: $text-primary; }
        & > .plot--other { color: $text-accent; text-style: bold; }
        & > .plot--both { color: $foreground; }
    }
    """

    _data: reactive[tuple[Series, frozenset[int], frozenset[int], Series]] = reactive(
        ((), frozenset[int](), frozenset[int](), ())
    )

    @property
    def columns_wanted(self) -> int:
        """How many columns fill the widget: two for each cell of its content's width."""
        return 2 * self.content_size.width

    def show(
        self,
        columns: Series,
        bad: frozenset[int] = frozenset(),
        marked: frozenset[int] = frozenset(),
        other: Series = (),
    ) -> None:
        """Plot these columns.

        Args:
            columns: Each column's range, oldest first. The oldest of more than `columns_wanted` are left out.
            bad: Indices of the columns that hold a NaN or an infinity.
            marked: Indices of the columns that are to be marked.
            other: The columns of another series, from the same beginning.
        """
        self._data = (columns, bad, marked, other)

    def render(self) -> Content:
        """Draw the plot."""
        columns, bad, marked, other = self._data
        wanted, height = self.columns_wanted, self.content_size.height
        if not wanted or not height:
            return Content()
        # An even start keeps every pair of columns in one cell while the data grows.
        start = max(0, max(len(columns), len(other)) - wanted + 1) // 2 * 2
        rows = [
            [(sign, _STYLES[is_one, is_other] if other else "") for sign, is_one, is_other in row]
            for row in range_plots(columns[start:], other[start:], height)
        ]
        _put(rows[-1], start, bad, (BAD, "plot--bad"))
        if height > 1:
            _put(rows[0], start, marked, (MARK, "plot--mark"))
        return Content("\n").join(map(self._drawn, rows))

    def _drawn(self, row: Cells) -> Content:
        return Content.assemble(*((sign, self.get_visual_style(name)) if name else sign for sign, name in row))


_STYLES = {
    (False, False): "",
    (True, False): "plot--one",
    (False, True): "plot--other",
    (True, True): "plot--both",
}


def _put(row: Cells, start: int, columns: frozenset[int], cell: tuple[str, str]) -> None:
    """Put a sign into the cells of some columns."""
    for index in columns:
        if index >= start:
            row[(index - start) // 2] = cell
