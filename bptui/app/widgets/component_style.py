"""Looks up component styles whole: `Widget.get_visual_style` of Textual 8.2.8 forgets `reverse`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.style import Style

if TYPE_CHECKING:
    from textual.widget import Widget

_REVERSE = Style(reverse=True)


def component_style(widget: Widget, *names: str) -> Style:
    """Return the widget's style with these component classes on top of it, the last one uppermost."""
    style = widget.get_visual_style(*names)
    reverse = any(widget.get_component_styles(name).text_style.reverse for name in names)
    return style + _REVERSE if reverse else style
