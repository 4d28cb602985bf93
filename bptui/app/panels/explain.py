"""The selected row of Graph, explained: its derivative in PyTorch's words, in mathematics and in numbers."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.content import Content

from bptui.app.messages import NumbersWanted
from bptui.app.panels.explained import Page
from bptui.app.panels.graph import GraphPanel
from bptui.app.panels.text_panel import TextPanel
from bptui.app.view import View
from bptui.protocol import Graph
from bptui.recording.reader import Reader
from bptui.records import Explanations
from bptui.where import next_sample, place

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
        self._asked: tuple[object, ...] = ()
        self._awaited: tuple[object, ...] = ()

    def show(self, view: View, reader: Reader) -> None:
        """Draw the explanation of the row that is selected in Graph."""
        self.look_at(view, reader)
        self._draw()

    def look_at(self, view: View, reader: Reader | None) -> None:
        """Be asked of this view, on screen or not."""
        self._view, self._reader = view, reader

    def on_resize(self) -> None:
        """Other lines fit."""
        self._draw()

    def follow(self) -> None:
        """Another row of Graph is selected."""
        if self.is_on_screen:
            self._draw()
            self.query_one(VerticalScroll).scroll_home(animate=False)

    def _draw(self) -> None:
        if self._view is not None:
            self.write(self._text(self._view))

    def await_check(self, row: int) -> None:
        """Say that a row is being checked, until its check is there."""
        if self._view is not None:
            self._awaited = _spot(self._view, row)
            self._draw()

    def why_unchecked(self, row: int) -> str:
        """Why the gradient of a row can not be checked, empty if it can."""
        graph, explanations = self._found
        if not graph or explanations is None:
            return "nothing is kept of this sample; step once"
        return "" if graph[row].kind == "op" else f"{graph[row].name} is no op: select one that uses it"

    @property
    def _found(self) -> tuple[Graph | None, Explanations | None]:
        """The graph at hand, and what is explained of it."""
        view, reader = self._view, self._reader
        if view is None or reader is None:
            return None, None
        if view.inside is not None:
            return reader.inside_graph(view.branch), reader.explanations(view.branch, view.inside.step)
        graph = reader.graph(view.branch, view.step)
        return graph, reader.explanations(view.branch, view.step) if graph else None

    def _text(self, view: View) -> Content:
        if view.inside is not None:
            at = f"{next_sample(view.sample)} · {view.inside.phase}"
        elif view.sample is not None:
            at = place(view.sample)
        else:
            self.titled("press s: the first sample is explained" if view.awaits_first else "")
            return Content("")
        graph, explanations = self._found
        if not graph or explanations is None:
            self.titled(at)
            return Content.styled(NOT_A_STOP if graph else NOT_TRACED, "$text-muted")
        row = self._selected(graph, view)
        self.titled(f"{at}  {graph[row].name}")
        page = Page(graph, explanations, self.width, view.inside is not None, self._awaited == _spot(view, row))
        if page.lacks_numbers(row) and self._asked != _spot(view, row):
            self._asked = _spot(view, row)
            self.app.post_message(NumbersWanted(row))  # in a handler of the screen, it would not pass beyond it
        return Content("\n").join(page.lines(row))

    @property
    def row(self) -> int | None:
        """The row that is explained."""
        graph, _ = self._found
        return self._selected(graph, self._view) if graph and self._view else None

    def _selected(self, graph: Graph, view: View) -> int:
        """The row selected in Graph; before that was on screen, that of the stop, or the first parameter."""
        panel = self.screen.query_one(GraphPanel)
        if view.inside is not None and view.inside.row >= 0 and not panel.is_at(view.inside):
            return view.inside.row
        selected = panel.selected
        if selected is not None and selected < len(graph):
            return selected
        return next((row for row in range(len(graph)) if graph[row].kind == "parameter"), len(graph) - 1)


def _spot(view: View, row: int) -> tuple[object, ...]:
    """A row at a stop."""
    return view.branch, view.step, view.inside, row
