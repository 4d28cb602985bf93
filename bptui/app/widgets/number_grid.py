"""A grid of texts of which only a window is known: it asks for another one as the cursor leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollLeft, MouseScrollRight, MouseScrollUp
from textual.geometry import clamp
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from .component_style import component_style

Texts = tuple[tuple[str, ...], ...]

UNKNOWN = "·"
"""Stands for what is not here yet."""

_FAR = 1 << 62


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the grid.

    Attributes:
        size: Rows and columns of the whole grid.
        first: The row and column at which this part begins.
        cells: Its texts, row by row, already of their width; a row may be shorter than others.
        head: The text above each column of this part.
        labels: The text before each row.
    """

    size: tuple[int, int] = (0, 0)
    first: tuple[int, int] = (0, 0)
    cells: Texts = ()
    head: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class NumberGrid(Widget, can_focus=True):
    """Shows a window of a grid, with a cursor that goes from cell to cell."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1,0)", "Up", show=False, id="grid.up"),
        Binding("down,j", "move(1,0)", "Down", show=False, id="grid.down"),
        Binding("left,h", "move(0,-1)", "Left", show=False, id="grid.left"),
        Binding("right,l", "move(0,1)", "Right", show=False, id="grid.right"),
        Binding("pageup", "move_page(-1)", "Page up", show=False, id="grid.page-up"),
        Binding("pagedown", "move_page(1)", "Page down", show=False, id="grid.page-down"),
        Binding("home", f"move(0,-{_FAR})", "First column", show=False, id="grid.first-column"),
        Binding("end", f"move(0,{_FAR})", "Last column", show=False, id="grid.last-column"),
        Binding("ctrl+home", f"move(-{_FAR},-{_FAR})", "First element", show=False, id="grid.first"),
        Binding("ctrl+end", f"move({_FAR},{_FAR})", "Last element", show=False, id="grid.last"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"number-grid--head", "number-grid--cursor", "number-grid--bad"}
    """
    | Class | Description |
    | :- | :- |
    | `number-grid--head` | The indices of rows and columns. |
    | `number-grid--cursor` | The cell at the cursor. |
    | `number-grid--bad` | A cell that is no finite number. |
    """
    DEFAULT_CSS = """
    NumberGrid {
        height: 1fr;
        & > .number-grid--head { color: $text-muted; }
        & > .number-grid--cursor { text-style: reverse; }
        & > .number-grid--bad { color: $text-error; text-style: bold; }
    }
    """

    @dataclass
    class Moved(Message):
        """The cursor has moved; if `is_beyond`, to where the window has to begin elsewhere."""

        grid: NumberGrid
        is_beyond: bool

    @dataclass
    class Resized(Message):
        """There is room for another window."""

        grid: NumberGrid

    def __init__(self, cell_width: int) -> None:
        """Make an empty grid.

        Args:
            cell_width: Cells of a column, without the space before it.
        """
        super().__init__()
        self.cell_width = cell_width
        self.cursor = (0, 0)
        self.first = (0, 0)
        self._window = Window()

    @property
    def room(self) -> tuple[int, int]:
        """How many rows and columns there is room for."""
        width, height = self.content_size
        return max(1, height - 1), max(1, (width - self._label_width) // (self.cell_width + 1))

    @property
    def _label_width(self) -> int:
        return max([8, *map(len, self._window.labels)])

    def show(self, window: Window) -> None:
        """Show a part, and have the cursor within the grid."""
        self._window, self.first = window, window.first
        self.cursor = self._within(self.cursor)
        self.refresh()

    def begin(self) -> None:
        """Go to the first element of another grid."""
        self.cursor = self.first = (0, 0)

    def _on_resize(self) -> None:
        self.post_message(self.Resized(self))

    def _within(self, place: tuple[int, int]) -> tuple[int, int]:
        rows, columns = self._window.size
        return clamp(place[0], 0, max(0, rows - 1)), clamp(place[1], 0, max(0, columns - 1))

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cursor; the window follows as far as it must."""
        self.cursor = self._within((self.cursor[0] + rows, self.cursor[1] + columns))
        first = tuple(
            place if place < begin else max(begin, place - size + 1)
            for place, begin, size in zip(self.cursor, self.first, self.room, strict=True)
        )
        self._tell((first[0], first[1]))

    def action_move_page(self, pages: int) -> None:
        """Move by as many rows as there is room for."""
        self.action_move(pages * self.room[0], 0)

    def _scroll(self, rows: int, columns: int) -> None:
        """Move the window, and the cursor with it as far as it must."""
        last = [max(0, size - room) for size, room in zip(self._window.size, self.room, strict=True)]
        first = clamp(self.first[0] + rows, 0, last[0]), clamp(self.first[1] + columns, 0, last[1])
        self.cursor = (
            clamp(self.cursor[0], first[0], first[0] + self.room[0] - 1),
            clamp(self.cursor[1], first[1], first[1] + self.room[1] - 1),
        )
        self.cursor = self._within(self.cursor)
        self._tell(first)

    def _tell(self, first: tuple[int, int]) -> None:
        is_beyond = first != self.first
        self.first = first
        self.post_message(self.Moved(self, is_beyond))
        self.refresh()

    def _on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self._scroll(3, 0)

    def _on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self._scroll(-3, 0)

    def _on_mouse_scroll_right(self, event: MouseScrollRight) -> None:
        event.stop()
        self._scroll(0, 1)

    def _on_mouse_scroll_left(self, event: MouseScrollLeft) -> None:
        event.stop()
        self._scroll(0, -1)

    async def _on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y > 0 and offset.x >= self._label_width:
            row, column = offset.y - 1, (offset.x - self._label_width) // (self.cell_width + 1)
            at = self.first[0] + row, self.first[1] + column
            self.action_move(at[0] - self.cursor[0], at[1] - self.cursor[1])

    def render_line(self, y: int) -> Strip:
        """Draw the head or a row of cells."""
        head = component_style(self, "number-grid--head").rich_style
        plain = self.visual_style.rich_style
        columns = min(self.room[1], self._window.size[1] - self.first[1])
        if y == 0:
            at = self.first[1] - self._window.first[1]
            texts = [*self._window.head[at : at + columns]] if at >= 0 else []
            text = " " * self._label_width + "".join(f" {text:>{self.cell_width}}" for text in texts)
            return Strip([Segment(text, head)]).adjust_cell_length(self.content_size.width, plain)
        row = self.first[0] + y - 1
        if row >= self._window.size[0]:
            return Strip([Segment("", plain)]).adjust_cell_length(self.content_size.width, plain)
        known = row - self._window.first[0]
        labels = self._window.labels
        label = labels[known] if 0 <= known < len(labels) else ""
        segments = [Segment(f"{label:>{self._label_width}}", head)]
        for column in range(self.first[1], self.first[1] + columns):
            segments += [Segment(" ", plain), self._segment(row, column)]
        return Strip(segments).adjust_cell_length(self.content_size.width, plain)

    def _segment(self, row: int, column: int) -> Segment:
        text = self._text(row, column)
        is_bad = text.strip() in ("NaN", "+Inf", "-Inf")
        names = ["number-grid--bad"] * is_bad + ["number-grid--cursor"] * ((row, column) == self.cursor)
        style = component_style(self, *names) if names else self.visual_style
        return Segment(f"{text:>{self.cell_width}}", style.rich_style)

    def _text(self, row: int, column: int) -> str:
        known, at = row - self._window.first[0], column - self._window.first[1]
        if known < 0 or at < 0 or known >= len(self._window.cells) or at >= len(self._window.head):
            return UNKNOWN
        cells = self._window.cells[known]
        return cells[at] if at < len(cells) else ""
