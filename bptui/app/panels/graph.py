"""The computation graph of a sample: its ops in execution order, folded by module, drawn as lanes."""

from __future__ import annotations

from bisect import bisect_left
from itertools import takewhile
from operator import attrgetter

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from bptui.app.messages import PlaceSelected
from bptui.app.panels.fitting import Shown, fitting
from bptui.app.panels.folding import leads_to, unfolded
from bptui.app.panels.graph_rows import GraphRows, columns, lanes_column, output, shortened
from bptui.app.panels.graph_tree import Item, edges, folds_to_fit, tree
from bptui.app.panels.inspected import Inspected, Quantity
from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.lanes import Lanes
from bptui.app.widgets.table_rows import column_widths
from bptui.app.widgets.tree_table import TreeTable
from bptui.app.widgets.virtual_table import Row, VirtualTable
from bptui.protocol import Graph, TensorRef
from bptui.protocol.unpacked_graph import NO_GRAPH
from bptui.recording.reader import Reader
from bptui.records import InsideStop
from bptui.where import next_sample, place

_MARGIN = 2
"""Cells beside the columns: the mark of the row and the scrollbar."""

_FRAME = 6
"""Cells of the lower border that are none of its text."""


class GraphPanel(Panel):
    """Why you look at this: every number of the chain rule, where it came from and where it went."""

    NAME, NUMBER = "Graph", 1

    def __init__(self) -> None:
        super().__init__()
        self._graph = NO_GRAPH
        self._graph_before = NO_GRAPH
        self._tree: tuple[Item, ...] = ()
        self._fitting: dict[int, frozenset[str]] = {}  # what fits, by the rows there are
        self._chosen: dict[str, bool] = {}  # the user's folds, over those that let the graph fit
        self._folded: frozenset[str] = frozenset()
        self._items: list[Item] = []
        self._lanes = Lanes(())
        self._every, self._columns = columns(NO_GRAPH), dict[str, Shown]()
        self._aside = ""
        self._inside: InsideStop | None = None
        self._is_whole = True

    def compose(self) -> ComposeResult:
        yield TreeTable(source=self._rows)

    def show(self, view: View, reader: Reader) -> None:
        """Draw the graph of the sample shown; while running, of the last one that was traced."""
        step = reader.traced_step(view.branch, view.step) if view.is_running else view.step
        graph = reader.graph(view.branch, step) if step is not None and step >= 0 else None
        if view.inside is not None:
            graph = reader.inside_graph(view.branch)
        self._is_whole = view.inside is None or view.inside.phase != "forward"
        before, self._graph = self._graph, graph or NO_GRAPH
        if before is not self._graph:
            self._every = columns(self._graph)
        if not before.structure.is_alike(self._graph.structure):
            self._tree, self._items, self._fitting = tree(self._graph.structure.modules), [], {}
        self._graph_before = _before(view, reader)
        self._retitle(view, reader, step, is_traced=graph is not None)
        self._draw()
        if view.inside is not self._inside:
            self._inside = view.inside
            self._go_to_stop()

    @property
    def selected(self) -> int | None:
        """The selected row of the graph, of a module its last one; None before there is one."""
        cursor = self.query_one(TreeTable).cursor
        return self._items[cursor].last if cursor < len(self._items) else None

    def select(self, row: int) -> None:
        """Go to a row, or to the module that hides it."""
        holding = [at for at, item in enumerate(self._items) if item.first <= row <= item.last]
        if holding:
            self.query_one(TreeTable).show(len(self._items), cursor=holding[-1])
            self._tell_path()

    def is_at(self, inside: InsideStop | None) -> bool:
        """Whether it was drawn since the training has stopped there."""
        return self._inside is inside

    def stop_at(self, view: View) -> str:
        """The op or module of the selected row."""
        if not self._graph:
            return ""
        item = self._items[self.query_one(TreeTable).cursor]
        if item.is_module:
            return f"module {item.path}"
        node = self._graph[item.last]
        return f"op {node.name}" if node.kind == "op" else f"param {node.name}" if node.kind == "parameter" else ""

    def inspected(self, view: View, reader: Reader) -> tuple[str, Inspected]:
        """Value and gradient of the selected row."""
        if not self._graph:
            return super().inspected(view, reader)
        item = self._items[self.query_one(TreeTable).cursor]
        node = output(self._graph, item)
        parts = (("value", node.value, "value"), ("∂loss/∂value", node.grad, "grad"))
        title = f"{item.path}  {item.type}" if item.is_module else f"{node.name}  {node.node}"
        return title, tuple(
            Quantity(name, summary, TensorRef("row", item.last, node.name, part))
            for name, summary, part in parts
            if summary is not None
        )

    # -- what is shown ---------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """More or fewer rows fit."""
        self._draw()

    def _go_to_stop(self) -> None:
        """Select the row at which a sample has stopped, or the module that hides it."""
        self.select(self._inside.row if self._inside else -1)

    def _draw(self) -> None:
        table = self.query_one(TreeTable)
        at = self._items[table.cursor] if table.cursor < len(self._items) else None
        folded = self._folds(table)
        if folded != self._folded or not self._items:
            self._folded, self._items = folded, unfolded(self._tree, folded)
            self._lanes = Lanes(edges(self._graph.structure.inputs, self._items, folded))
        self._set_columns(table)
        table.show(len(self._items), cursor=self._place_of(at))
        self._tell_path()

    def _folds(self, table: TreeTable) -> frozenset[str]:
        """What fits, but as the user wants it where the user has said so."""
        rows = table.size.height - 1
        if rows not in self._fitting:
            self._fitting[rows] = folds_to_fit(self._tree, rows)
        folded = self._fitting[rows]
        opened = {path for path, is_folded in self._chosen.items() if not is_folded}
        return (folded | (self._chosen.keys() - opened)) - opened

    def _place_of(self, item: Item | None) -> int | None:
        """Where an item stands now, or the module that hides it."""
        if item is None:
            return None
        at = bisect_left(self._items, item.first, key=attrgetter("first"))
        same = takewhile(lambda at: self._items[at].first == item.first, range(at, len(self._items)))
        here = next((at for at in same if self._items[at] == item), None)
        if here is not None:
            return here
        around = (at for at, other in enumerate(self._items) if other.first <= item.first <= other.last)
        return max(around, default=None)

    def _set_columns(self, table: TreeTable) -> None:
        every = self._every | {"lanes": lanes_column(self._lanes.width)}
        fitted = fitting(every, table.size.width - _MARGIN)
        if fitted != self._columns:
            self._columns = fitted
            table.set_columns(tuple(shown.column for shown in fitted.values()))

    def _rows(self, start: int, stop: int) -> list[Row]:
        width = self.query_one(TreeTable).scrollable_content_region.width - 1
        widths = column_widths([shown.column for shown in self._columns.values()], width)
        named = dict(zip(self._columns, widths, strict=True))
        drawn = GraphRows(self._graph, self._graph_before, self._folded, named, self._is_whole)
        pairs = zip(self._items[start:stop], self._lanes.rows(start, stop), strict=True)
        return [drawn.row(item, line) for item, line in pairs]

    def _retitle(self, view: View, reader: Reader, step: int | None, *, is_traced: bool) -> None:
        if view.inside is not None:
            self.titled(f"{next_sample(view.sample)} · {view.inside.phase}")
            return
        sample = view.sample if step == view.step else reader.sample(view.branch, step or 0)
        if view.step < 0 or sample is None:
            self.titled("press s: the first sample draws it" if view.awaits_first else "")
        elif not is_traced:
            self._aside = view.status.zoom or "it ran at full speed; samples stepped to are traced"
            self.titled("not traced", self._aside)
        else:
            self.titled(place(sample))

    def _tell_path(self) -> None:
        """Put the whole path of the selected row into the lower border."""
        table = self.query_one(TreeTable)
        if table.cursor < len(self._items):
            item = self._items[table.cursor]
            name = item.type if item.is_module else self._graph[item.last].name
            text = f"{item.path}  {name}" if item.path else ""
            self.border_subtitle = Content(shortened(text, self.size.width - _FRAME))

    @on(VirtualTable.CursorMoved)
    def _tell_place(self, event: VirtualTable.CursorMoved) -> None:
        event.stop()
        self._tell_path()
        place = None
        if self._items:
            item = self._items[event.index]
            inside = map(self._graph.__getitem__, range(item.first, item.last + 1))
            place = next((node.place for node in inside if node.place), None)
        self.post_message(PlaceSelected(place))

    # -- folding ---------------------------------------------------------------------------------------

    @on(VirtualTable.Activated)
    def _toggle(self, event: VirtualTable.Activated) -> None:
        item = self._items[event.index]
        if item.is_module:
            event.stop()
            self._fold(item, fold=item.path not in self._folded)

    @on(TreeTable.Folding)
    def _fold_or_move(self, event: TreeTable.Folding) -> None:
        """Fold or unfold; what is so already leads to the module around it, or to what is inside."""
        event.stop()
        item = self._items[event.index]
        if item.is_module and (item.path in self._folded) != event.fold:
            self._fold(item, fold=event.fold)
        else:
            event.table.action_move(leads_to(self._items, event.index, fold=event.fold) - event.index)

    def _fold(self, item: Item, *, fold: bool) -> None:
        self._chosen[item.path] = fold
        self._draw()

    def unfold_all(self) -> None:
        """Unfold all modules; if they are, fold them as they were at first."""
        is_folded = bool(self._folded)
        self._chosen = {item.path: False for item in self._tree if item.is_module} if is_folded else {}
        self._draw()


def _before(view: View, reader: Reader) -> Graph:
    """The graph shown before, to mark what has changed since."""
    before = None if view.is_running else view.before
    return (reader.graph(before.branch, before.step) if before else None) or NO_GRAPH
