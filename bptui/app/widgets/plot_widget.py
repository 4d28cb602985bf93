"""A widget that plots a series of (min, max) ranges in the space it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from .plot import BAD, range_plot

if TYPE_CHECKING:
    from .plot import Range


class Plot(Widget):
    """Plots the newest columns that fit, in as many rows as it is high."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"plot--bad"}
    """
    | Class | Description |
    | :- | :- |
    | `plot--bad` | The `×` below a column that holds a NaN or an infinity. |
    """
    DEFAULT_CSS = """
    Plot {
        height: 1;
        color: $text-primary;
        & > .plot--bad {
            color: $text-error;
            text-style: bold;
        }
    }
    """

    _data: reactive[tuple[tuple[Range | None, ...], frozenset[int]]] = reactive(((), frozenset[int]()))

    @property
    def columns_wanted(self) -> int:
        """How many columns fill the widget: two for each cell of its content's width."""
        return 2 * self.content_size.width

    def show(self, columns: tuple[Range | None, ...], bad: frozenset[int] = frozenset()) -> None:
        """Plot these columns.

        Args:
            columns: Each column's range, oldest first. The oldest of more than `columns_wanted` are left out.
            bad: Indices of the columns that hold a NaN or an infinity.
        """
        self._data = (columns, bad)

    def render(self) -> Content:
        """Draw the plot."""
        columns, bad = self._data
        wanted, height = self.columns_wanted, self.content_size.height
        if not wanted or not height:
            return Content()
        # An even start keeps every pair of columns in one cell while the data grows.
        start = max(0, len(columns) - wanted + 1) // 2 * 2
        *upper, bottom = range_plot(columns[start:], height)
        marked = {(index - start) // 2 for index in bad if start <= index < len(columns)}
        style = self.get_visual_style("plot--bad")
        cells = ((BAD, style) if cell in marked else glyph for cell, glyph in enumerate(bottom))
        return Content("\n").join([*(Content(line) for line in upper), Content.assemble(*cells)])
