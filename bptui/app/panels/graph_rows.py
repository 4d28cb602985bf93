"""What stands in the Graph table: its columns, and the row of an op, a leaf or a module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from textual.content import Content

from bptui.app.numbers import DOWN, SAME, UP, cell, direction, nonfinite, number, shape, styled
from bptui.app.panels.fitting import Shown
from bptui.app.panels.graph_tree import Item
from bptui.app.widgets.virtual_table import Cell, Column, Row
from bptui.protocol import Graph
from bptui.records import Node, TensorSummary

_NUMBER, _NORM, _STATISTIC = 11, 9, 6
_NOTE = {"parameter": "parameter", "input": "input", "op": ""}
_STYLE = {UP: "bold $text-accent", DOWN: "bold $text-accent", SAME: ""}
_SHAPE = 12
"""So many cells are enough for 4 × 1024 × 768."""


def columns(graph: Graph) -> dict[str, Shown]:
    """All columns of a graph, the lanes as narrow as can be; a shape only where there are several elements."""
    values = [counts for counts, _ in graph.values(range(len(graph)))]
    longest = max([5, *(len(shape(counts)) for counts in values)])
    has_several = any(not counts.is_one for counts in values)
    op, where = (12, 12) if any(module for module, _ in graph.structure.modules) else (8, 16)
    found = {
        "lanes": lanes_column(0),
        "op": Shown(Column("op", op, "left", grow=True), 0),
        "where": Shown(Column("where", where, "left", grow=True), 3),
        "shape": Shown(Column("shape", min(longest, _SHAPE), "left"), 2),
        "value": Shown(Column("value", 2 * _STATISTIC + 2 if has_several else _NUMBER), 0),
        "grad": Shown(Column("∂loss/∂·", _NORM if has_several else _NUMBER), 0),
    }
    if not has_several:
        del found["shape"]
    return found


def lanes_column(cells: int) -> Shown:
    """The column of lanes that take so many cells."""
    return Shown(Column("", max(cells, 3), "left"), 0)


@dataclass(frozen=True)
class GraphRows:
    """Draws the rows of one graph.

    Attributes:
        graph: The graph.
        before: The graph shown before, to mark what has changed; of another length it is another one.
        folded: The modules that are folded, by their path.
        widths: The columns shown, and how many cells they have.
        is_whole: Whether it ends with the loss.
    """

    graph: Graph
    before: Graph
    folded: frozenset[str]
    widths: Mapping[str, int]
    is_whole: bool = True

    def row(self, item: Item, lanes: str) -> Row:
        """The row of an item, beside its lanes."""
        is_open = item.is_module and item.path not in self.folded
        node = output(self.graph, item)
        before = self.graph if len(self.before) != len(self.graph) else self.before
        last = output(before, item)
        cells: dict[str, Cell] = {
            "lanes": lanes,
            "op": self._name(item, node, is_open=is_open),
            "where": self._contents(item) if item.is_module else location(node, self.widths.get("where", 0)),
            "shape": "" if is_open or node.value is None else shape(node.value),
            "value": "" if is_open else _marked(self._value(node.value), node.value, last.value),
            "grad": "" if is_open else _marked(cell(node.grad, self.widths["grad"] - 1), node.grad, last.grad),
        }
        kind = "muted" if is_open or (not item.is_module and node.kind != "op") else ""
        return Row(tuple(cells[name] for name in self.widths), kind=kind)

    def _name(self, item: Item, node: Node, *, is_open: bool) -> str:
        """The name, as far into the tree as it stands; of the last op, that the loss is its output."""
        sign = "" if not item.is_module else "▾ " if is_open else "▸ "
        name = item.label if item.is_module else own_name(node)
        loss = "  = loss" if self.is_whole and item.last == len(self.graph) - 1 and not is_open else ""
        return shortened(" " * item.depth + sign + name, self.widths["op"] - len(loss)) + loss

    def _value(self, summary: TensorSummary | None) -> Content:
        """One number as it is, of several mean and deviation."""
        if summary is None or summary.item is not None or summary.mean is None or summary.std is None:
            return cell(summary, _NUMBER - 1)
        mean, spread = number(summary.mean, _STATISTIC, 3), number(summary.std, _STATISTIC, 3)
        return styled(nonfinite(summary) or f"{mean}±{spread:<{_STATISTIC}}", summary)

    def _contents(self, item: Item) -> Content:
        """What is in a module: its class, how many ops if there is room, and first of all what is not finite."""
        ops = self.graph.structure.is_op.count(1, item.first, item.last + 1)
        found = Content(f"{item.type}  {ops} op{'s' * (ops != 1)}".lstrip())
        worst = _worst(self.graph, range(item.first, item.last + 1))
        if item.type and found.cell_length > self.widths.get("where", 0) - len(worst) - 2 * bool(worst):
            found = Content(item.type)
        if worst:
            return Content.assemble((f"{worst}", "bold $text-error"), "  ", found)
        return found


def output(graph: Graph, item: Item) -> Node:
    """The node of an item: of a module the last op in it."""
    return graph[item.last]


def own_name(node: Node) -> str:
    """The name without the modules around it: "weight"."""
    return node.name.removeprefix(re.sub(r"#\d+", "", node.module) + ".") if node.module else node.name


def shortened(text: str, room: int) -> str:
    """Text that leaves out its middle if it has no room; what it begins and ends with tells the most."""
    if len(text) <= room:
        return text
    tail = max(0, room - 1) // 2
    return f"{text[: max(0, room - 1 - tail)]}…{text[len(text) - tail :]}"


def _worst(graph: Graph, rows: range) -> str:
    """In how many values and gradients there is a NaN, or else an infinity: "NaN in 3".

    That a value is -Inf is no alarm: masks are made so. If it is a mistake, a gradient or the loss shows it.
    """
    values, grads = graph.values(rows), graph.grads(rows)
    nans = sum(times for counts, times in (*values, *grads) if counts.nans)
    infs = sum(times for counts, times in values if counts.pos_infs)
    infs += sum(times for counts, times in grads if counts.pos_infs or counts.neg_infs or counts.nans)
    return f"NaN in {nans}" if nans else f"Inf in {infs}" if infs else ""


def location(node: Node, room: int) -> str:
    """File and line; where there is little room the file without its suffix, or only its beginning."""
    if node.place is None:
        return shortened(_NOTE[node.kind], room)
    path, line = PurePath(node.place.path), f":{node.place.line}"
    if len(path.name + line) <= room:
        return path.name + line
    spare = room - len(line)
    return (path.stem if len(path.stem) <= spare else f"{path.stem[: max(0, spare - 1)]}…") + line


def _marked(shown: Content, now: TensorSummary | None, before: TensorSummary | None) -> Content:
    mark = direction(now, before)
    return shown.append(Content.styled(mark, _STYLE[mark]))
