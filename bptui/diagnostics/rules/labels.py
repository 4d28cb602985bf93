"""The labels of a classification; of the samples that were traced, up to 64 of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping

from bptui.diagnostics.finding import Hit
from bptui.diagnostics.rule import Hits, Rule
from bptui.diagnostics.seen import GraphSeen
from bptui.protocol import Graph
from bptui.records import Node

_OF_CLASSES = ("nll_loss", "nll_loss2_d")
_OF_TWO = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


def _imbalance(limits: Mapping[str, float]) -> Generator[Hits, GraphSeen, None]:
    """The most frequent class beside the rarest of those that were seen, after smdebug.

    Not before each class would have been seen often, if all were alike: of few labels it is a matter of chance.
    """
    counts: dict[str, Counter[float]] = {}
    hits: Hits = None
    while True:
        graph = (yield hits).graph
        rows = _labels(graph)
        for name, (_, labels) in rows.items():
            counts.setdefault(name, Counter()).update(labels)
        hits = [hit for name, (row, _) in rows.items() if (hit := _hit(name, counts[name], row, limits))]
        hits = hits if rows else None


def _hit(name: str, counts: Counter[float], row: int, limits: Mapping[str, float]) -> Hit | None:
    if counts.total() < max(limits["labels"], limits["each"] * len(counts)):
        return None
    (most, many), (least, few) = max(counts.items(), key=_count), min(counts.items(), key=_count)
    said = (
        f"of {counts.total():,} labels {many:,} are {most:g} and {few:,} are {least:g}, {many / few:.3g} × fewer"
    )
    too_many = many / few > limits["ratio"]
    return Hit(name, many / few, limits["ratio"], f"{said}, limit {limits['ratio']:g}", row) if too_many else None


def _count(item: tuple[float, int]) -> int:
    return item[1]


def _labels(graph: Graph) -> dict[str, tuple[int, list[float]]]:
    """By what to call them the row and the labels of each loss that has some."""
    found: dict[str, tuple[int, list[float]]] = {}
    for row, name in enumerate(graph.structure.names):
        if name in _OF_CLASSES + _OF_TWO and graph.structure.is_op[row]:
            for target in [graph[each] for each in graph.structure.inputs[row][1:2]]:
                labels = _of_two(target) if name in _OF_TWO else _of_classes(target, graph)
                known = found.get(target.name, (row, []))[1]
                found |= {target.name: (row, [*known, *labels])} if labels else {}
    return found


def _of_two(target: Node) -> list[float]:
    """One for each example: of an example that may have several labels, most are none."""
    values = target.value.values if target.value is not None else ()
    is_one_each = target.value is not None and target.value.numel == max(target.value.shape, default=0)
    return [*values] if is_one_each and {0.0, 1.0}.issuperset(values) else []


def _of_classes(target: Node, graph: Graph) -> list[float]:
    """Not of a language model, which has one for each token: that words are not alike frequent is how it is."""
    value = target.value
    embedded = [graph[row].value for row, name in enumerate(graph.structure.names) if name == "embedding"]
    if value is None or any(each and each.numel == value.numel * each.shape[-1] for each in embedded):
        return []
    return [label for label in value.values if label >= 0]  # below 0 are those that are to be ignored


IMBALANCE = Rule(
    "class-imbalance", "graph", _imbalance,
    "Who always says the most frequent class is nearly always right: the rare ones are hardly learnt.",
    "Weight the loss by class (the argument weight or pos_weight), or draw rare examples more often "
    "(WeightedRandomSampler).",
)  # fmt: skip
