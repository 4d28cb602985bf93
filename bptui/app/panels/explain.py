"""The selected row of Graph, explained: its derivative in PyTorch's words, in mathematics and in numbers."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.content import Content

from bptui.app.panels.explained import Page
from bptui.app.panels.graph import GraphPanel
from bptui.app.panels.text_panel import TextPanel
from bptui.app.view import View, place
from bptui.protocol import Graph
from bptui.recording.reader import Reader

NOT_A_STOP = (
    "Not explained: what its nodes kept is gone. Explained are the samples of which it was known beforehand that "
    "the training would stop after them."
)
NOT_TRACED = "Not traced: it ran at full speed. Explained are the samples after which the training stops."


class ExplainPanel(TextPanel):
    """Why you look at this: how each number of a gradient comes about, and the chain rule that it is part of."""

    NAME, NUMBER = "Explain", 9

    def __init__(self) -> None:
        super().__init__()
        self._view: View | None = None
        self._reader: Reader | None = None
        self._row: int | None = None

    def show(self, view: View, reader: Reader) -> None:
        """Draw the explanation of the row that is selected in Graph."""
        self._view, self._reader = view, reader
        self._draw()

    def on_resize(self) -> None:
        """Other lines fit."""
        self._draw()

    def follow(self) -> None:
        """Another row of Graph is selected."""
        if self.is_on_screen:
            self._draw()
            self.query_one(VerticalScroll).scroll_home(animate=False)

    def _draw(self) -> None:
        if self._view is None or self._reader is None:
            return
        self.write(self._text(self._view, self._reader))

    def _text(self, view: View, reader: Reader) -> Content:
        sample = view.sample
        if sample is None:
            self.titled("press s: the first sample is explained" if view.awaits_first else "")
            return Content("")
        graph = reader.graph(view.branch, view.step)
        explanations = reader.explanations(view.branch, view.step) if graph else None
        if not graph or explanations is None:
            self.titled(place(sample))
            return Content.styled(NOT_A_STOP if graph else NOT_TRACED, "$text-muted")
        row = self._selected(graph)
        self.titled(f"{place(sample)}  {graph[row].name}")
        return Content("\n").join(Page(graph, explanations, self.width).lines(row))

    def _selected(self, graph: Graph) -> int:
        """The row selected in Graph; before that was on screen, the first parameter."""
        selected = self.screen.query_one(GraphPanel).selected
        if selected is not None and selected < len(graph):
            return selected
        return next((row for row in range(len(graph)) if graph[row].kind == "parameter"), len(graph) - 1)
