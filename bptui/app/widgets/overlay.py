"""A widget that plots two series over each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from .plot import overlaid_plots

if TYPE_CHECKING:
    from .plot import Range

Series = tuple["Range | None", ...]


class Overlay(Widget):
    """Plots both in as many rows as it is high, on one scale."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"overlay--one", "overlay--other", "overlay--both"}
    """
    | Class | Description |
    | :- | :- |
    | `overlay--one` | Where only the first is. |
    | `overlay--other` | Where only the second is. |
    | `overlay--both` | Where both are. |
    """
    DEFAULT_CSS = """
    Overlay {
        height: 1fr; min-height: 2; max-height: 8;
        & > .overlay--one { color: $text-primary; }
        & > .overlay--other { color: $text-accent; text-style: bold; }
        & > .overlay--both { color: $foreground; }
    }
    """

    _data: reactive[tuple[Series, Series]] = reactive(((), ()))

    @property
    def columns_wanted(self) -> int:
        """How many columns fill the widget: two for each cell of its content's width."""
        return 2 * self.content_size.width

    def show(self, one: Series, other: Series) -> None:
        """Plot these columns, all of one width.

        Args:
            one: The ranges of the first, oldest first.
            other: Those of the second.
        """
        self._data = one, other

    def render(self) -> Content:
        """Draw the plot."""
        if not self.content_size:
            return Content()
        styles = {
            (True, False): self.get_visual_style("overlay--one"),
            (False, True): self.get_visual_style("overlay--other"),
            (True, True): self.get_visual_style("overlay--both"),
        }
        rows = overlaid_plots(*self._data, self.content_size.height)
        lines = [
            Content.assemble(*((sign, styles[key]) if any(key := (a, b)) else sign for sign, a, b in row))
            for row in rows
        ]
        return Content("\n").join(lines)
