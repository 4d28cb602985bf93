"""What panels of text alone have in common."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from bptui.app.panels.panel import Panel


class TextPanel(Panel):
    """A text that can be scrolled."""

    # The gutter is stable, so that what fills the width knows it.
    DEFAULT_CSS = """
    TextPanel {
        VerticalScroll { scrollbar-gutter: stable; }
        Static { width: 100%; padding: 0 1; }
    }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static()

    @property
    def width(self) -> int:
        """How many cells a line has."""
        return self.query_one(Static).content_size.width

    def write(self, text: Content) -> None:
        """Show this text."""
        self.query_one(Static).update(text)
