"""A table that asks only for the rows on screen, so that a million rows are as quick as ten."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size, clamp
from textual.message import Message
from textual.reactive import reactive, var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from . import table_style
from .component_style import component_style
from .table_rows import SEPARATOR, Cell, Column, Pages, Row, Source, column_widths, draw_cells, least_width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.events import Click

__all__ = ["Cell", "Column", "Row", "Source", "VirtualTable"]

_GUTTER = 1
_CURRENT, _CURSOR = "▶", "›"


class VirtualTable(ScrollView, can_focus=True):
    """A table with a fixed header, a cursor row, and a mark at the row of the present stop."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("pageup", "move_page(-1)", "Page up", show=False, id="table.page-up"),
        Binding("pagedown", "move_page(1)", "Page down", show=False, id="table.page-down"),
        Binding("left", "scroll_sideways(-8)", "Left", show=False, id="table.left"),
        Binding("right", "scroll_sideways(8)", "Right", show=False, id="table.right"),
        Binding("home", "move_first", "First row", show=False, id="table.first"),
        Binding("end", "move_last", "Last row", show=False, id="table.last"),
        Binding("enter", "activate", "Open row", show=False, id="table.activate"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = table_style.COMPONENT_CLASSES
    DEFAULT_CSS = table_style.CSS

    row_count: reactive[int] = reactive(0)
    """How many rows there are."""
    cursor: reactive[int] = reactive(0)
    """The row that the user is at; 0 in an empty table."""
    current: reactive[int | None] = reactive[int | None](None)
    """The row of the present stop, if any."""
    header: var[bool] = var(True)
    """Whether the columns' labels are shown."""

    @dataclass
    class CursorMoved(Message):
        """The user moved the cursor; `show` and assignments do not post this."""

        table: VirtualTable
        index: int

        @property
        def control(self) -> VirtualTable:
            """The table, for `@on` with a selector."""
            return self.table

        def can_replace(self, message: Message) -> bool:
            """Let the last of several moves stand for all."""
            return isinstance(message, VirtualTable.CursorMoved) and message.table is self.table

    @dataclass
    class Activated(Message):
        """The user pressed Enter on a row or double-clicked it."""

        table: VirtualTable
        index: int

        @property
        def control(self) -> VirtualTable:
            """The table, for `@on` with a selector."""
            return self.table

    @dataclass
    class HeaderClicked(Message):
        """The user clicked on the label of a column."""

        table: VirtualTable
        column: int

        @property
        def control(self) -> VirtualTable:
            """The table, for `@on` with a selector."""
            return self.table

    def __init__(
        self,
        columns: tuple[Column, ...] = (),
        source: Source | None = None,
        *,
        header: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
    ) -> None:
        """Make a table without rows; `show` gives it some.

        Args:
            columns: The columns, left to right.
            source: Asked for the rows that come into view, in the app's thread: it should take milliseconds.
            header: Whether to show the columns' labels.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(id=id, classes=classes)
        self._columns = columns
        self._pages = Pages(source)
        self.set_reactive(VirtualTable.header, header)

    def set_columns(self, columns: tuple[Column, ...]) -> None:
        """Replace the columns, and fetch the rows again, since their cells are others."""
        self._columns = columns
        self._pages.drop(0)
        self._measure()

    def show(
        self,
        row_count: int,
        *,
        cursor: int | None = None,
        current: int | None = None,
        changed_from: int | None = 0,
    ) -> None:
        """Show new data, scrolling no further than it takes to keep the cursor visible.

        Args:
            row_count: How many rows there are now.
            cursor: Where to put the cursor; `None` leaves it.
            current: The row of the present stop, or `None` if no row is.
            changed_from: The first row that is not as it was; `None` if rows only came or went at the end.
        """
        if changed_from is not None:
            self._pages.drop(changed_from)
        self.row_count = row_count
        self.current = current
        self.cursor = self.cursor if cursor is None else cursor
        self._reveal()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw a line of the screen: the header, a row, or nothing."""
        if self.header and y == 0:
            return self._draw("", (column.label for column in self._columns), None, "virtual-table--header")
        index = self.scroll_offset.y + y - self.header
        row = self._pages.row(index, self.row_count) if index < self.row_count else None
        if row is None:
            return self._draw("", (), None)
        names = [f"virtual-table--{row.kind}"] if row.kind else []
        names += ["virtual-table--cursor"] if index == self.cursor else []
        mark = _CURRENT if index == self.current else _CURSOR if index == self.cursor else ""
        return self._draw(mark, row.cells, row.span, *names)

    def _draw(self, mark: str, cells: Iterable[Cell], span: Cell | None, *names: str) -> Strip:
        """Draw a line with these component classes; the gutter with its mark does not scroll sideways."""
        width = self.scrollable_content_region.width - _GUTTER
        left = self.scroll_offset.x
        style = component_style(self, *names)
        if span is None:
            widths = column_widths(self._columns, width)
            justifies = (column.justify for column in self._columns)
            segments = draw_cells(cells, zip(widths, justifies, strict=True), style)
        else:
            segments = draw_cells((span,), ((max(width, least_width(self._columns)), "left"),), style)
        gutter_style = component_style(self, "virtual-table--current", *names) if mark == _CURRENT else style
        gutter = Strip([Segment(mark or " ", gutter_style.rich_style)], _GUTTER)
        return Strip.join([gutter, Strip(segments).crop_extend(left, left + width, style.rich_style)])

    @property
    def _rows_visible(self) -> int:
        return self.scrollable_content_region.height - self.header

    def _measure(self) -> None:
        self.virtual_size = Size(_GUTTER + least_width(self._columns), self.row_count + self.header)
        self.refresh()

    def _reveal(self) -> None:
        """Scroll the least that brings the cursor row into view."""
        if self._rows_visible > 0:
            self._scroll_top(clamp(self.scroll_offset.y, self.cursor - self._rows_visible + 1, self.cursor))

    def _scroll_top(self, top: int) -> None:
        if top != self.scroll_offset.y:
            # Forced, since a table that has only just grown has no scrollbar yet.
            self.scroll_to(y=top, animate=False, force=True)

    def _move_to(self, index: int) -> None:
        """Move the cursor on behalf of the user."""
        before = self.cursor
        self.cursor = index
        self._reveal()
        if self.cursor != before:
            self.post_message(self.CursorMoved(self, self.cursor))

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return clamp(cursor, 0, max(0, self.row_count - 1))

    def _watch_row_count(self) -> None:
        self.cursor = self.validate_cursor(self.cursor)
        self._measure()

    def _watch_header(self) -> None:
        self._measure()

    def _watch_cursor(self) -> None:
        self._reveal()

    def _on_resize(self) -> None:
        self._reveal()

    async def _on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < self.header:
            self._click_header(offset.x - _GUTTER + self.scroll_offset.x)
            return
        index = self.scroll_offset.y + offset.y - self.header
        if index < self.row_count:
            self._move_to(index)
            if event.chain == 2:
                self.post_message(self.Activated(self, index))

    def _click_header(self, x: int) -> None:
        """Tell the column at cell `x`; the separator behind a column belongs to it."""
        widths = column_widths(self._columns, self.scrollable_content_region.width - _GUTTER)
        ends = accumulate(width + len(SEPARATOR) for width in widths)
        column = next((column for column, end in enumerate(ends) if 0 <= x < end), None)
        if column is not None:
            self.post_message(self.HeaderClicked(self, column))

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self._move_to(self.cursor + rows)

    def action_move_page(self, pages: int) -> None:
        """Move the cursor and the view by some screens, less a row of overlap."""
        step = pages * max(1, self._rows_visible - 1)
        self._scroll_top(clamp(self.scroll_offset.y + step, 0, self.max_scroll_y))
        self._move_to(self.cursor + step)

    def action_scroll_sideways(self, cells: int) -> None:
        """Scroll to the left or to the right, if the columns have no room."""
        self.scroll_relative(x=cells, animate=False)

    def action_move_first(self) -> None:
        """Move the cursor to the first row."""
        self._move_to(0)

    def action_move_last(self) -> None:
        """Move the cursor to the last row."""
        self._move_to(self.row_count - 1)

    def action_activate(self) -> None:
        """Tell that the user opens the cursor row."""
        if self.row_count:
            self.post_message(self.Activated(self, self.cursor))
