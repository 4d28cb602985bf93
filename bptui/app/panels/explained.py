"""A row's explanation as text: what its node does with the gradient, or the chain rule that leads to it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content

from bptui.app.numbers import exponential
from bptui.app.numbers import number as fixed
from bptui.app.panels.graph_rows import shortened
from bptui.explain.chain import chain, links, way
from bptui.explain.text import number, shape
from bptui.protocol import Graph
from bptui.records import ExplainedRow, Explanation, Explanations, GradientCheck, InputGradient, Node

LABEL = 11
"""Cells of what stands in front of each line."""

LINES = 200
"""Of a longer way from the loss, so many ops nearest the row are shown."""

NARROWEST = 24
"""Text is not wrapped to fewer cells than these."""

UNEASY = 1e-4
"""From this relative error on, a gradient differs from finite differences by more than it should."""

AGREES = 1e-4
"""Up to this relative difference the formula's gradient is the one that autograd computed, in float32."""

WITH_NORMS = 56
"""On narrower lines there is room only for the factor between two norms."""

_NAME, _NORM, _FACTOR = 16, 9, 9


class Page:
    """The text for one row of a graph.

    Attributes:
        graph: The graph.
        explanations: What is explained of it.
        width: How many cells a line has.
    """

    def __init__(
        self, graph: Graph, explanations: Explanations, width: int, is_amid: bool = False, is_awaited: bool = False
    ) -> None:
        """Say nothing yet.

        Args:
            graph: The graph.
            explanations: What is explained of it.
            width: How many cells a line has.
            is_amid: Whether the sample is not complete.
            is_awaited: Whether a check of the row is on its way.
        """
        self._graph = graph
        self._explanations = explanations
        self._is_amid, self._is_awaited = is_amid, is_awaited
        self._checks = dict(explanations.checks)
        self._forms = {each.node: each for each in explanations.forms}
        self._width = max(width, NARROWEST + LABEL)
        self._rows = {each.row: each for each in explanations.rows}

    def lines(self, row: int) -> list[Content]:
        """Everything that is to be said of a row."""
        node = self._graph[row]
        if node.kind == "input":
            return [self._said(f"{node.name} is data: it gets no gradient")]
        if node.kind == "parameter":
            return [*self._leaf(node), Content(""), *self._way_to(row)]
        return [*self._node(row, node), Content(""), *self._way_to(row)]

    def lacks_numbers(self, row: int) -> bool:
        """Whether more could be said of a row than is known."""
        return self._graph[row].kind == "op" and row not in self._rows

    def _why_not(self, row: int) -> str:
        if row in self._explanations.left_out:
            budget = f"the budget of {self._explanations.budget * 1000:.0f} ms a stop"
            return f"without numbers: {budget} was used up, or would have been, after the ops nearer the loss"
        if self._is_amid:
            return "no gradient has come here yet"
        return "no gradient went back through this op"

    # -- an op -----------------------------------------------------------------------------------------

    def _node(self, row: int, node: Node) -> Iterator[Content]:
        found = self._rows.get(row)
        form = self._forms.get(node.node.rpartition("::")[2])
        told = found.explanation if found else form or Explanation(node.node, node.name)
        yield _heading(told.op, told.equation)
        yield from self._check(self._checks.get(row))
        yield from self._labelled("signature", told.signature)
        yield from self._labelled("comes in", _comes_in(node, told))
        yield from self._labelled("", told.remark)
        yield from self._labelled("", "" if found else self._why_not(row))
        for at, line in enumerate(told.saved):
            yield from self._labelled("" if at else "keeps", line)
        sources = found.sources if found else ()
        for at, gradient in enumerate(told.inputs):
            source = sources[at] if at < len(sources) else None
            yield Content("")
            yield from self._input(gradient, source)

    def _input(self, gradient: InputGradient, source: int | None) -> Iterator[Content]:
        name = "" if source is None else f" = {self._graph[source].name}"
        yield Content.assemble(
            (f"∂L/∂{gradient.symbol or gradient.name}", "bold"), (f"  {gradient.name}{name}", "$text-muted")
        )
        yield from self._labelled("PyTorch", gradient.torch_formula)
        yield from self._labelled("formula", gradient.formula)
        yield from self._equation("numbers", gradient.numbers)
        for step in gradient.steps:
            yield from self._labelled("shapes", step)
        yield from self._labelled("goes out", _goes_out(gradient))
        yield from self._compared(gradient.error)
        yield from self._labelled("", gradient.remark)

    def _check(self, told: GradientCheck | None) -> Iterator[Content]:
        """What finite differences say."""
        if told is None:
            yield from self._labelled("check", "… comparing with finite differences" * self._is_awaited)
            return
        mark = "–" if told.error is None else "✖" if not told.error <= UNEASY else "✓"
        lines = self._labelled("check", f"{mark} {told.reading}")
        yield from (line.stylize("bold $text-error", LABEL) if mark == "✖" else line for line in lines)
        if told.analytic is not None and told.numeric is not None:
            both = f"autograd {number(told.analytic)}, finite differences {number(told.numeric)}"
            yield from self._labelled("", f"{both} at {told.worst}, the largest error of {_entries(told)}")
        yield from self._labelled("", told.remark)
        if told.place is not None and mark == "✖":
            yield from self._labelled("", f"{told.function}.backward: {told.place.path}:{told.place.line}")

    def _compared(self, error: float | None) -> Iterator[Content]:
        if error is None:
            return
        if error <= AGREES:
            same = "the same" if not error else f"the same to {exponential(error, 0)}"
            yield from self._labelled("autograd", f"✓ {same}")
        else:
            text = f"✖ not the same: relative difference {number(error)}"
            yield from (line.stylize("bold $text-error", LABEL) for line in self._labelled("autograd", text))

    # -- the way from the loss -------------------------------------------------------------------------

    def _leaf(self, node: Node) -> Iterator[Content]:
        size = f"  {shape(node.value.shape)}" if node.value and node.value.numel != 1 else ""
        yield _heading(node.name, f"parameter{size}")
        if node.grad is not None and node.grad.norm is not None and node.grad.item is None:
            yield from self._labelled("gradient", f"‖∂loss/∂{node.name}‖ = {number(node.grad.norm)}")

    def _way_to(self, row: int) -> Iterator[Content]:
        """The chain rule in one line for each path; of tensors, the ops that lead here."""
        inputs = self._graph.structure.inputs
        loss = next((loss for loss in reversed(self._explanations.losses) if row in way(inputs, row, loss)), row)
        if loss == row:
            return
        value = self._graph[row].value
        if value is None or value.numel == 1:
            found = links(self._explanations.rows)
            told = chain(self._graph, found, row, loss, self._graph.structure.names, inputs)
            if told.total is not None:
                yield Content.styled("chain rule", "bold underline")
                for line in told.lines:
                    yield from self._equation("", line, 0)
                return
        yield from self._ops_to(row, loss)

    def _ops_to(self, row: int, loss: int) -> Iterator[Content]:
        on_way = way(self._graph.structure.inputs, row, loss)
        passed = [self._rows[each] for each in sorted(on_way - {row}, reverse=True) if each in self._rows]
        edges = [(each, at) for each in passed for at, source in enumerate(each.sources) if source in on_way]
        if not edges:
            return
        yield Content.styled("the way from the loss", "bold underline")
        if len(edges) > LINES:
            yield self._said(f"… {len(edges) - LINES} more")
        yield from self._table([self._passage(each, at) for each, at in edges[-LINES:]])
        left_out = len(on_way.intersection(self._explanations.left_out))
        if left_out:
            yield self._said(f"{left_out} of the ops on the way: {self._why_not(self._explanations.left_out[0])}")

    def _passage(self, each: ExplainedRow, at: int) -> tuple[str, str, str]:
        """How the gradient goes from an op to one of its inputs: their names, norms, and shapes."""
        told, source = each.explanation, each.sources[at]
        gradient = told.inputs[at] if at < len(told.inputs) else InputGradient("")
        name = "" if source is None else self._graph[source].name.rpartition(".")[2]
        shapes = "" if told.shape is None else _short(told.shape)
        if gradient.shape is not None and gradient.shape != told.shape:
            shapes += f" → {_short(gradient.shape)}"
        cells = [_cell(told.norm, _NORM), _cell(gradient.norm, _NORM), _times(gradient.factor).rjust(_FACTOR)]
        return f"{told.op} → {name}", " ".join(cells if self._has_norms else cells[-1:]), shapes

    @property
    def _has_norms(self) -> bool:
        """Whether there is room for more than the factors between them."""
        return self._width >= WITH_NORMS

    def _table(self, passages: list[tuple[str, str, str]]) -> Iterator[Content]:
        norms = f"{'‖g‖ in':>{_NORM}} {'out':>{_NORM}} " if self._has_norms else ""
        heads = ("op → input", f"{norms}{'factor':>{_FACTOR}}", "shapes")
        names, _, shapes = (max(map(len, column)) for column in zip(heads, *passages, strict=True))
        room = self._width - len(heads[1]) - 4
        names = min(names, max(_NAME, room - shapes))
        for at, (name, cells, sizes) in enumerate([heads, *passages]):
            line = f"{shortened(name, names):<{names}}  {cells}  {shortened(sizes, room - names)}"
            yield Content.styled(line, "$text-muted") if not at else Content(line)

    # -- lines -----------------------------------------------------------------------------------------

    def _said(self, text: str) -> Content:
        return Content("\n").join(map(Content, textwrap.wrap(text, self._width)))

    def _labelled(self, label: str, text: str) -> Iterator[Content]:
        """A text behind its label, continued below it."""
        if text:
            yield from _behind(label, textwrap.wrap(text, self._width - LABEL, break_on_hyphens=False))

    def _equation(self, label: str, text: str, indent: int = LABEL) -> Iterator[Content]:
        """An equation; one that has no room in a line has one for each of its sides, = below =."""
        width = self._width - indent
        lines = [text] if len(text) <= width else list(_sides(text, width))
        if indent:
            yield from _behind(label, lines) if text else ()
        else:
            yield from map(Content, lines)


def _sides(text: str, width: int) -> Iterator[str]:
    left, *sides = text.split(" = ")
    if len(left) > width // 2 or ": " in text:
        yield from textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
        return
    margin = " " * len(left)
    for side in sides:
        for line in textwrap.wrap(side, width - len(left) - 3, subsequent_indent="  ", break_on_hyphens=False):
            yield f"{left}   {line}" if line.startswith("  ") else f"{left} = {line}"
            left = margin


def _behind(label: str, lines: Iterable[str]) -> Iterator[Content]:
    for line in lines:
        yield Content.assemble((f"{label:<{LABEL}}", "$text-muted"), line)
        label = ""


def _heading(name: str, equation: str = "") -> Content:
    return Content.assemble((name, "bold $text-accent"), f"   {equation}" if equation else "")


def _entries(told: GradientCheck) -> str:
    return f"{told.checked} {'entry' if told.checked == 1 else 'entries'}, in {told.precision}"


def _comes_in(node: Node, told: Explanation) -> str:
    if node.grad is not None and node.grad.item is not None:
        return f"g = ∂loss/∂{node.name} = {number(node.grad.item)}"
    size = f", {shape(told.shape)}" if told.shape is not None else ""
    return f"‖g‖ = {number(told.norm)}{size}" if told.norm is not None else ""


def _goes_out(gradient: InputGradient) -> str:
    if gradient.norm is None or gradient.shape is None or math.prod(gradient.shape) == 1:
        return ""
    return "  ".join(
        filter(None, (f"norm {number(gradient.norm)}", _times(gradient.factor), shape(gradient.shape)))
    )


def _short(sizes: Sequence[int]) -> str:
    return shape(sizes) if sizes else "scalar"


def _times(factor: float | None) -> str:
    return "" if factor is None else f"×{fixed(factor, _FACTOR - 1)}"


def _cell(value: float | None, width: int) -> str:
    return ("–" if value is None else fixed(value, width)).rjust(width)
