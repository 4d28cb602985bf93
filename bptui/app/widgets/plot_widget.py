"""A widget that plots a series of (min, max) ranges in the space it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from .plot import BAD, range_plot

if TYPE_CHECKING:
    from .plot import Range

MARK = "◆"
"""Stands above a column that is marked."""


class Plot(Widget):
    """Plots the newest columns that fit, in as many rows as it is high."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"plot--bad", "plot--mark"}
    """
    | Class | Description |
    | :- | :- |
    | `plot--bad` | The `×` below a column that holds a NaN or an infinity. |
    | `plot--mark` | The `◆` above a column that is marked. |
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
    }
    """

    _data: reactive[tuple[tuple[Range | None, ...], frozenset[int], frozenset[int]]] = reactive(
        ((), frozenset[int](), frozenset[int]())
    )

    @property
    def columns_wanted(self) -> int:
        """How many columns fill the widget: two for each cell of its content's width."""
        return 2 * self.content_size.width

    def show(
        self,
        columns: tuple[Range | None, ...],
        bad: frozenset[int] = frozenset(),
        marked: frozenset[int] = frozenset(),
    ) -> None:
        """Plot these columns.

        Args:
            columns: Each column's range, oldest first. The oldest of more than `columns_wanted` are left out.
            bad: Indices of the columns that hold a NaN or an infinity.
            marked: Indices of the columns that are to be marked.
        """
        self._data = (columns, bad, marked)

    def render(self) -> Content:
        """Draw the plot."""
        columns, bad, marked = self._data
        wanted, height = self.columns_wanted, self.content_size.height
        if not wanted or not height:
            return Content()
        # An even start keeps every pair of columns in one cell while the data grows.
        start = max(0, len(columns) - wanted + 1) // 2 * 2
        *upper, bottom = range_plot(columns[start:], height)
        lines = [*upper, bottom]
        drawn = [self._marked(lines[-1], start, bad, BAD, "plot--bad")]
        if len(lines) > 1:
            drawn = [*map(Content, lines[1:-1]), *drawn]
            drawn.insert(0, self._marked(lines[0], start, marked, MARK, "plot--mark"))
        return Content("\n").join(drawn)

    def _marked(self, line: str, start: int, columns: frozenset[int], sign: str, name: str) -> Content:
        """A line with a sign in the cells of some columns."""
        cells = {(index - start) // 2 for index in columns if index >= start}
        style = self.get_visual_style(name)
        return Content.assemble(*((sign, style) if cell in cells else glyph for cell, glyph in enumerate(line)))
