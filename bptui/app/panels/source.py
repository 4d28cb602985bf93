"""The loop's own source, at the line where it is suspended."""

from __future__ import annotations

from pathlib import PurePath

from textual.app import ComposeResult

from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.code_view import CodeView
from bptui.recording.reader import Reader
from bptui.records import Place


class SourcePanel(Panel):
    """Why you look at this: the code that made the numbers."""

    NAME, NUMBER = "Source", 4

    def __init__(self) -> None:
        super().__init__()
        self._path = ""
        self._text = ""
        self._current: int | None = None

    def compose(self) -> ComposeResult:
        yield CodeView("The source appears when the target is loaded.")

    def show(self, view: View, reader: Reader) -> None:
        """Show the place of the sample, or the beginning of the loop."""
        if view.target is None:
            return
        place = view.sample.layout.place if view.sample else None
        path = place.path if place else view.target.path
        if path != self._path or not self._text:
            self._path, self._text = path, reader.source(path)
        self._current = place.line if place else view.target.line
        self.point_at(None)
        self.titled(PurePath(path).name)

    def point_at(self, place: Place | None) -> None:
        """Mark the line of what is selected elsewhere."""
        related = frozenset({place.line}) if place and place.path == self._path else frozenset[int]()
        self.query_one(CodeView).show(self._path, self._text, self._current, related)
