"""Activations in the part of their range where the gradient is zero; of the samples that were traced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bptui.diagnostics.finding import Hit
from bptui.diagnostics.rule import Hits, Rule, each
from bptui.diagnostics.seen import GraphSeen
from bptui.protocol import Graph
from bptui.records import EXACT, Node, TensorSummary


def _dead(seen: GraphSeen, limits: Mapping[str, float]) -> Hits:
    """The share of a ReLU's outputs that are 0, of all of them: which units they are of is not recorded."""
    hits = []
    for row, subject, _, value in _rows(seen.graph, "relu"):
        share = value.zeros / value.numel
        if share >= limits["zeros"]:
            said = f"{share:.1%} of its {value.numel:,} outputs are 0, limit {limits['zeros']:.1%}"
            hits.append(Hit(subject, share, limits["zeros"], said, row))
    return hits


def _saturated(seen: GraphSeen, limits: Mapping[str, float]) -> Hits:
    """The share of a hidden tanh's or sigmoid's outputs, of those that were kept, that are near its bounds.

    Not the last one: that a classifier becomes sure is what is wanted.
    """
    hits = []
    margins = {"tanh": limits["tanh_margin"], "sigmoid": limits["sigmoid_margin"]}
    for row, subject, node, value in _rows(seen.graph, *margins):
        low, margin = (-1.0 if node.name == "tanh" else 0.0), margins[node.name]
        count = sum(1 for each in value.values if each <= low + margin or each >= 1 - margin)
        share = count / len(value.values) if value.values else 0.0
        if share >= limits["share"] and _leads_to_parameter(seen.graph, row):
            kept = f"its {value.numel:,}" if value.numel <= EXACT else f"{len(value.values)} sampled"
            said = f"{share:.0%} of {kept} outputs within {margin:g} of its bounds, limit {limits['share']:.0%}"
            hits.append(Hit(subject, share, limits["share"], said, row))
    return hits


def _rows(graph: Graph, *names: str) -> Iterator[tuple[int, str, Node, TensorSummary]]:
    """The ops of these names that have an output of several elements, each with what to call it."""
    seen: dict[str, int] = {}
    for row, name in enumerate(graph.structure.names):
        if name in names and graph.structure.is_op[row]:
            node = graph[row]
            subject = f"{name} in {node.module}" if node.module else name
            seen[subject] = number = seen.get(subject, 0) + 1
            if node.value is not None and node.value.numel > 1:
                yield row, subject + (f"#{number}" if number > 1 else ""), node, node.value


def _leads_to_parameter(graph: Graph, row: int) -> bool:
    """Whether what comes out of a row is used together with a parameter later on: whether it is a hidden layer."""
    reached = {row}
    inputs = graph.structure.inputs
    by_parameter = {
        row for row in range(len(graph)) if not graph.structure.is_op[row] and _is_parameter(graph, row)
    }
    for later in range(row + 1, len(graph)):
        if reached.intersection(inputs[later]):
            if by_parameter.intersection(inputs[later]):
                return True
            reached.add(later)
        elif inputs[later] and by_parameter.issuperset(inputs[later]):
            by_parameter.add(later)  # a weight that was transposed
    return False


def _is_parameter(graph: Graph, row: int) -> bool:
    return graph[row].kind == "parameter"


ACTIVATIONS = (
    Rule(
        "dead-relu", "graph", each(_dead),
        "Where a ReLU gives 0 its gradient is 0, too: what comes before it learns nothing, and may never again.",
        "Look at the bias before it and at the learning rate; LeakyReLU or GELU always pass some gradient on.",
    ),
    Rule(
        "saturated-activation", "graph", each(_saturated),
        "Near its bounds the slope of tanh and sigmoid is about 0, so hardly any gradient comes through.",
        "Make what goes in smaller: initialisation, inputs or learning rate; or normalise before it.",
    ),
)  # fmt: skip
