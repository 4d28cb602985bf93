"""A widget that shows bars over a logarithmic axis, with a cursor that goes from bar to bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import clamp
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from .bars import Bar, axis, column, grown, names, ticks
from .component_style import component_style

AXIS = 6
"""Cells for the labels of the axis and its line."""

_WIDEST = 9
"""Cells of a bar at most, with the gap to the next."""

_CURSOR = "▒"
"""What the bar at the cursor is made of."""

_Cells = list[tuple[str, str]]
"""Text and the component class that colours it, plain if empty."""


class BarChart(Widget, can_focus=True):
    """Shows as many bars as there is room for; those beyond are left out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Bar before", show=False, id="bars.left"),
        Binding("right,l", "move(1)", "Next bar", show=False, id="bars.right"),
        Binding("home", "move(-9999)", "First bar", show=False, id="bars.first"),
        Binding("end", "move(9999)", "Last bar", show=False, id="bars.last"),
        Binding("enter", "activate", "Open bar", show=False, id="bars.activate"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "bar-chart--axis",
        "bar-chart--bar",
        "bar-chart--cursor",
        "bar-chart--muted",
        "bar-chart--warning",
        "bar-chart--error",
    }
    DEFAULT_CSS = """
    BarChart {
        height: 1fr;
        & > .bar-chart--axis { color: $text-muted; }
        & > .bar-chart--bar { color: $primary; }
        & > .bar-chart--cursor { color: $text-accent; text-style: bold; }
        & > .bar-chart--muted { color: $text-muted; }
        & > .bar-chart--warning { color: $text-warning; text-style: bold; }
        & > .bar-chart--error { color: $text-error; text-style: bold; }
        &:focus > .bar-chart--cursor { background: $primary 30%; }
        &:ansi > .bar-chart--axis { text-style: dim; }
        &:ansi:focus > .bar-chart--cursor { text-style: reverse; }
    }
    """

    bars: reactive[tuple[Bar, ...]] = reactive(())
    """What is shown."""
    cursor: reactive[int] = reactive(0)
    """The bar that the user is at."""

    @dataclass
    class CursorMoved(Message):
        """The user moved the cursor."""

        chart: BarChart
        index: int

    @dataclass
    class Activated(Message):
        """The user pressed Enter on a bar or double-clicked it."""

        chart: BarChart
        index: int

    _axis = axis(())
    _axis_before: tuple[int, int] | None = None

    @property
    def room(self) -> int:
        """How many bars there is room for."""
        return max(1, self.content_size.width - AXIS)

    def render_line(self, y: int) -> Strip:
        """Draw a row of the bars, or one of the lines below them."""
        lines = self._foot()
        rows = self.content_size.height - len(lines)
        cells = self._row(y, rows) if y < rows else lines[y - rows] if y - rows < len(lines) else []
        plain = self.visual_style.rich_style
        strip = Strip(
            [Segment(text, component_style(self, name).rich_style if name else plain) for text, name in cells]
        )
        return strip.adjust_cell_length(self.content_size.width, plain)

    @property
    def _width(self) -> int:
        """Cells of a bar with the gap to the next."""
        return clamp(self.room // max(1, len(self.bars)), 1, _WIDEST)

    def _row(self, y: int, rows: int) -> _Cells:
        low, high = self._axis
        width, gap = self._width, " " * (self._width > 1)
        cells = [(f"{ticks(low, high, rows)[y]:>{AXIS - 1}}│", "bar-chart--axis")]
        for index, bar in enumerate(self.bars):
            text = column(bar, low, high, rows, width - len(gap))[y]
            name = f"bar-chart--{bar.kind or 'bar'}"
            if index == self.cursor:
                text, name = text.replace("█", _CURSOR), "bar-chart--cursor"
            cells += [(text, name), (gap, "")]
        return cells

    def _foot(self) -> list[_Cells]:
        """The base line with the labels, and the logarithms where they have room."""
        base = f"{ticks(*self._axis, 1)[-1]:>{AXIS - 1}}└"
        labels = names(self.bars, self._width - 1)
        if not labels:
            return [[(base, "bar-chart--axis"), (self._ends(), "bar-chart--axis")]]
        lines = [self._line(base, labels)]
        numbers = ["" if bar.value is None else f"{bar.value:.1f}" for bar in self.bars]
        if all(len(number) < self._width for number in numbers):
            lines.append(self._line("log10 ", numbers))
        return lines

    def _line(self, head: str, texts: list[str]) -> _Cells:
        cells = [(head, "bar-chart--axis")]
        for index, text in enumerate(texts):
            name = "bar-chart--cursor" if index == self.cursor else "bar-chart--axis"
            cells += [(text.center(self._width - 1), name), (" ", "")]
        return cells

    def _ends(self) -> str:
        """The first and the last label, if all would not fit."""
        width = min(len(self.bars) * self._width, self.room)
        first, last = (bar.label for bar in (self.bars[0], self.bars[-1])) if self.bars else ("", "")
        return f"{first} →{last:>{max(0, width - len(first) - 2)}}"

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a bar."""
        return clamp(cursor, 0, max(0, len(self.bars) - 1))

    def _watch_bars(self) -> None:
        self._axis = grown(self._axis_before, axis(self.bars))
        if any(bar.value is not None for bar in self.bars):
            self._axis_before = self._axis
        self.cursor = self.validate_cursor(self.cursor)

    async def _on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and 0 <= (index := (offset.x - AXIS) // self._width) < len(self.bars):
            self.action_move(index - self.cursor)
            if event.chain == 2:
                self.action_activate()

    def action_move(self, bars: int) -> None:
        """Move the cursor by some bars."""
        before = self.cursor
        self.cursor += bars
        if self.cursor != before:
            self.post_message(self.CursorMoved(self, self.cursor))

    def action_activate(self) -> None:
        """Tell that the user opens the bar at the cursor."""
        if self.bars:
            self.post_message(self.Activated(self, self.cursor))
