"""How often numbers occur: a column for each bin, over an axis from the least to the greatest."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from .component_style import component_style
from .plot import BARS


def columns(counts: tuple[int, ...], height: int) -> list[str]:
    """Rows of text, the uppermost first; a bin that holds anything is never drawn empty."""
    most = max(counts, default=0)
    eighths = [-(-count * height * 8 // most) if most else 0 for count in counts]
    return [
        "".join(_glyph(count - 8 * row) for count in eighths)
        for row in range(height - 1, -1, -1)
    ]  # fmt: skip


def _glyph(eighths: int) -> str:
    return " " if eighths <= 0 else BARS[min(eighths, 8) - 1]


class Histogram(Widget):
    """Draws counts, and below them a line of text about the axis."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"histogram--axis"}
    """
    | Class | Description |
    | :- | :- |
    | `histogram--axis` | The line below. |
    """
    DEFAULT_CSS = """
    Histogram {
        height: 1fr;
        color: $text-primary;
        & > .histogram--axis { color: $text-muted; }
    }
    """

    counts: reactive[tuple[int, ...]] = reactive(())
    """How many numbers are in each bin."""
    ends: reactive[tuple[str, str]] = reactive(("", ""))
    """What stands below the first and the last bin."""

    @property
    def bins(self) -> int:
        """How many bins there is room for."""
        return self.content_size.width

    def render_line(self, y: int) -> Strip:
        """Draw a row of the columns, or the axis."""
        width, height = self.content_size
        plain = self.visual_style.rich_style
        if y == height - 1:
            low, high = self.ends
            text, style = (
                f"{low}{high:>{max(0, len(self.counts) - len(low))}}",
                component_style(self, "histogram--axis"),
            )
            return Strip([Segment(text, style.rich_style)]).adjust_cell_length(width, plain)
        rows = columns(self.counts, height - 1)
        return Strip([Segment(rows[y] if y < len(rows) else "", plain)]).adjust_cell_length(width, plain)
