"""The computation graph of a sample: one row per op in execution order, drawn as lanes."""

from __future__ import annotations

from pathlib import PurePath

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from bptui.app.messages import PlaceSelected
from bptui.app.numbers import DOWN, SAME, UP, cell, direction
from bptui.app.panels.panel import Inspected, Panel
from bptui.app.view import View
from bptui.app.widgets.lanes import lanes
from bptui.app.widgets.virtual_table import Column, Row, VirtualTable
from bptui.recording.reader import Reader
from bptui.records import Node, TensorSummary

_NUMBER = 11
_NOTE = {"parameter": "parameter", "input": "input", "op": ""}
_STYLE = {UP: "bold $text-accent", DOWN: "bold $text-accent", SAME: ""}


class GraphPanel(Panel):
    """Why you look at this: every number of the chain rule, where it came from and where it went."""

    NAME, NUMBER = "Graph", 1

    def __init__(self) -> None:
        super().__init__()
        self._graph: tuple[Node, ...] = ()
        self._graph_before: tuple[Node, ...] = ()
        self._lanes: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield VirtualTable(source=self._rows)

    def show(self, view: View, reader: Reader) -> None:
        """Draw the graph of the sample shown; while running, of the last one that was traced."""
        step = reader.traced_step(view.branch, view.step) if view.is_running else view.step
        nodes = reader.graph(view.branch, step) if step is not None and step >= 0 else None
        self._graph, self._graph_before = nodes or (), _before(view, reader)
        self._set_columns(lanes([node.inputs for node in self._graph]))
        self._retitle(view, reader, step, nodes)
        self.query_one(VirtualTable).show(len(self._graph))

    def inspected(self, view: View, reader: Reader) -> tuple[str, Inspected]:
        """Value and gradient of the selected row."""
        if not self._graph:
            return super().inspected(view, reader)
        node = self._graph[self.query_one(VirtualTable).cursor]
        parts = (("value", node.value), ("∂loss/∂value", node.grad))
        return f"{node.name}  {node.node}", tuple((name, part) for name, part in parts if part is not None)

    @on(VirtualTable.CursorMoved)
    def _tell_place(self, event: VirtualTable.CursorMoved) -> None:
        event.stop()
        self.post_message(PlaceSelected(self._graph[event.index].place if self._graph else None))

    def _retitle(self, view: View, reader: Reader, step: int | None, nodes: tuple[Node, ...] | None) -> None:
        sample = view.sample if step == view.step else reader.sample(view.branch, step or 0)
        if view.step < 0 or sample is None:
            self.titled("press s: the first sample draws it" if view.commands else "")
        elif nodes is None:
            self.titled("not traced", "this sample ran at full speed: a sample that is stepped to is traced")
        else:
            self.titled(f"epoch {sample.epoch} · sample {sample.index + 1}")

    def _set_columns(self, drawn: tuple[str, ...]) -> None:
        width = max(len(drawn[0]) if drawn else 0, 3)
        if self._lanes and width == max(len(self._lanes[0]), 3):
            self._lanes = drawn
            return
        self._lanes = drawn
        self.query_one(VirtualTable).set_columns(
            (
                Column("", width, "left"),
                Column("op", 8, "left", grow=True),
                Column("where", 16, "left", grow=True),
                Column("value", _NUMBER),
                Column("∂loss/∂·", _NUMBER),
            )
        )

    def _rows(self, start: int, stop: int) -> list[Row]:
        return [self._row(i) for i in range(start, min(stop, len(self._graph)))]

    def _row(self, i: int) -> Row:
        node = self._graph[i]
        before = self._graph_before[i] if len(self._graph_before) == len(self._graph) else node
        where = _where(node)
        return Row(
            (
                self._lanes[i],
                self._op(i),
                where,
                _marked(node.value, before.value),
                _marked(node.grad, before.grad),
            ),
            kind="" if node.kind == "op" else "muted",
        )

    def _op(self, i: int) -> str:
        """The op; of the last one, that the loss is its output."""
        return self._graph[i].name + ("  = loss" if i == len(self._graph) - 1 else "")


def _before(view: View, reader: Reader) -> tuple[Node, ...]:
    """The graph shown before, to mark what has changed since."""
    before = view.before
    return (reader.graph(before.branch, before.step) or ()) if before is not None and not view.is_running else ()


def _where(node: Node) -> str:
    return f"{PurePath(node.place.path).name}:{node.place.line}" if node.place else _NOTE[node.kind]


def _marked(now: TensorSummary | None, before: TensorSummary | None) -> Content:
    mark = direction(now, before)
    return cell(now, _NUMBER - 1).append(Content.styled(mark, _STYLE[mark]))
