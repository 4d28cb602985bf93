"""A map of numbers in half blocks: two rows a cell, on a diverging scale around zero."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from .component_style import component_style

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVELS = 12
"""Shades on each side of zero where there are as many colours as one likes."""

_DARK = ("blue", "bright_blue", "bright_cyan"), ("red", "bright_red", "bright_yellow")
_LIGHT = ("bright_cyan", "bright_blue", "blue"), ("bright_yellow", "bright_red", "red")
"""The same of sixteen colours, from near zero outward: negative, positive."""

_OUTLIERS = 0.02
"""This share of the numbers may lie beyond the ends of the scale, lest one of them make all others pale."""

Numbers = tuple[tuple[float, ...], ...]


def limit(rows: Numbers) -> float:
    """Where the scale ends: the largest magnitude, or what nearly all numbers stay within; 0 if all are zero."""
    sizes = sorted(abs(value) for row in rows for value in row if math.isfinite(value))
    if not sizes:
        return 0.0
    most = sizes[len(sizes) - 1 - int(len(sizes) * _OUTLIERS)]
    return most or sizes[-1]


def level(value: float, most: float, levels: int) -> int:
    """The shade of a number, from -levels to levels; only zero, and what is nearly zero, has none."""
    if not most:
        return 0
    share = max(-1.0, min(1.0, value / most))
    return round(share * levels)


def letter(values: Sequence[float]) -> str:
    """What stands for numbers that are not finite: "N" if one is NaN, else "∞"; empty if all are finite."""
    bad = [value for value in values if not math.isfinite(value)]
    return ("N" if any(map(math.isnan, bad)) else "∞") if bad else ""


class HeatMap(Widget):
    """Draws what it is given, two rows of numbers to a line; letters stand for numbers that are not finite."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"heat-map--negative", "heat-map--positive", "heat-map--bad"}
    """
    | Class | Description |
    | :- | :- |
    | `heat-map--negative` | Its colour is that of the most negative numbers. |
    | `heat-map--positive` | Its colour is that of the largest numbers. |
    | `heat-map--bad` | The letters `N` and `∞`. |
    """
    DEFAULT_CSS = """
    HeatMap {
        height: 1fr;
        & > .heat-map--negative { color: $primary; }
        & > .heat-map--positive { color: $error; }
        & > .heat-map--bad { color: $text-error; text-style: bold reverse; }
    }
    """

    rows: reactive[Numbers] = reactive(())
    """What is shown."""

    _most = 0.0
    _styles: dict[tuple[int, int], tuple[str, Style]]

    def __init__(self) -> None:
        super().__init__()
        self._styles = {}

    @property
    def room(self) -> tuple[int, int]:
        """How many rows and columns of numbers there is room for."""
        return 2 * self.content_size.height, self.content_size.width

    @property
    def scale(self) -> float:
        """At what magnitude the scale ends."""
        return self._most

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        self._styles = {}

    def _watch_rows(self) -> None:
        self._most = limit(self.rows)

    def render_line(self, y: int) -> Strip:
        """Draw two rows."""
        zoom = self._zoom
        upper, lower = (self.rows[at // zoom] if at // zoom < len(self.rows) else () for at in (2 * y, 2 * y + 1))
        pairs = ((upper[x : x + 1], lower[x : x + 1]) for x in range(len(upper)))
        cells = [self._cell(above + below, below) for above, below in pairs]
        return Strip([Segment(text * zoom, style) for text, style in cells]).adjust_cell_length(
            self.content_size.width, self.visual_style.rich_style
        )

    @property
    def _zoom(self) -> int:
        """How many half blocks wide and high a number is drawn, where there are few."""
        rows, columns = len(self.rows), max(map(len, self.rows), default=0)
        return max(1, min(self.room[0] // rows, self.room[1] // columns)) if columns else 1

    def _cell(self, values: tuple[float, ...], lower: tuple[float, ...]) -> tuple[str, Style]:
        sign = letter(values)
        if sign:
            return sign, component_style(self, "heat-map--bad").rich_style
        levels = len(_DARK[0]) if self.app.current_theme.ansi else LEVELS
        pair = level(values[0], self._most, levels), level(lower[0], self._most, levels) if lower else 0
        if pair not in self._styles:
            self._styles[pair] = self._drawn(*pair)
        return self._styles[pair]

    def _drawn(self, upper: int, lower: int) -> tuple[str, Style]:
        """Two shades in one cell; near zero the background itself, for it has no name as a foreground."""
        plain = self.visual_style.rich_style
        if not upper and not lower:
            return " ", plain
        if not upper:
            return "▄", plain + Style(color=self._colour(lower))
        back = Style(bgcolor=self._colour(lower)) if lower else Style()
        return "▀", plain + Style(color=self._colour(upper)) + back

    def _colour(self, shade: int) -> str:
        if self.app.current_theme.ansi:
            sides = _DARK if self.app.current_theme.dark else _LIGHT
            return sides[shade > 0][abs(shade) - 1]
        name = "heat-map--positive" if shade > 0 else "heat-map--negative"
        colour = self.get_component_styles(name).color
        return self.background_colors[1].blend(colour, abs(shade) / LEVELS).hex6
