"""Reads a recording for the rules, item after item, at a bounded cost each time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bptui.diagnostics.rule import Need
from bptui.diagnostics.seen import GraphSeen, NoteSeen, ParameterSeen, ParametersSeen, SampleSeen
from bptui.protocol import Graph
from bptui.recording.reader import Reader
from bptui.records import Node, TensorSummary

Feed = Callable[[int], Sequence[Any]]
"""Gives the next items, of a branch that has so many samples; nothing if there are no more for now."""

_Leaves = tuple[int, dict[str, Node]]
"""A step, and the parameters of its graph by their names."""

CHUNK = 64
"""Samples that are read together."""


def feeds(reader: Reader, branch: int) -> dict[Need, Feed]:
    """What each kind of rule is fed with, from the branch's first sample on."""
    return {
        "samples": _Samples(reader, branch),
        "parameters": _Parameters(reader, branch),
        "graph": _Graphs(reader, branch),
        "notes": _Notes(reader, branch),
    }


class _Samples:
    def __init__(self, reader: Reader, branch: int) -> None:
        self._reader, self._branch, self._next = reader, branch, 0

    def __call__(self, steps: int) -> Sequence[SampleSeen]:
        names = ("loss", "grad", "weight_after", "output")
        rows = self._reader.numbers(self._branch, names, self._next, steps, CHUNK)
        self._next = rows[-1][0] + 1 if rows else self._next
        return [SampleSeen(step, *values) for step, values in rows]


class _Notes:
    def __init__(self, reader: Reader, branch: int) -> None:
        self._reader, self._branch, self._last = reader, branch, 0

    def __call__(self, steps: int) -> Sequence[NoteSeen]:
        rows = self._reader.notes(self._branch, self._last, steps + 1, CHUNK)  # also of the sample at hand
        self._last = rows[-1][0] if rows else self._last
        return [NoteSeen(step, about, names) for _, step, about, names in rows]


class _Graphs:
    def __init__(self, reader: Reader, branch: int) -> None:
        self._reader, self._branch, self._next = reader, branch, 0

    def __call__(self, steps: int) -> Sequence[GraphSeen]:
        found = self._reader.traced_steps(self._branch, self._next, steps, 1)  # of which one may have 20 000 rows
        self._next = found[-1] + 1 if found else self._next
        graphs = [(step, self._reader.graph(self._branch, step)) for step in found]
        return [GraphSeen(step, graph) for step, graph in graphs if graph is not None]


class _Parameters:
    def __init__(self, reader: Reader, branch: int) -> None:
        self._reader, self._branch = reader, branch
        self._feed: Feed | None = None

    def __call__(self, steps: int) -> Sequence[ParametersSeen]:
        target = self._reader.target() if self._feed is None and steps else None
        if target is not None:
            is_loop = bool(target.torch)  # a script is loaded before torch is
            self._feed = (_Traced if is_loop else _Measured)(self._reader, self._branch)
        return self._feed(steps) if self._feed is not None else ()


class _Measured:
    """The parameters of a script: the samples at which they were measured."""

    def __init__(self, reader: Reader, branch: int) -> None:
        self._reader, self._branch, self._next = reader, branch, 0

    def __call__(self, steps: int) -> Sequence[ParametersSeen]:
        found = list(self._measured(steps))
        return [_parameters(self._reader, self._branch, step, each) for step, each in found]

    def _measured(self, steps: int) -> Iterator[tuple[int, list[ParameterSeen]]]:
        found = self._reader.measured(self._branch, self._next, steps, 1)
        for step, parameters, norms in found:
            self._next = step + 1
            columns = zip(parameters, norms.weight, norms.grad, norms.update, strict=True)
            # Of a frozen one there is nothing to say.
            yield step, [ParameterSeen(p.name, p.shape, *three) for p, *three in columns if not p.is_frozen]


class _Traced:
    """The parameters of a generator loop: those in the graphs of the samples that were traced.

    Each sample comes when the next graph does: what a graph shows of a weight is what it was before its update.
    """

    def __init__(self, reader: Reader, branch: int) -> None:
        self._reader, self._branch, self._next = reader, branch, 0
        self._before: _Leaves | None = None

    def __call__(self, steps: int) -> Sequence[ParametersSeen]:
        while found := self._reader.traced_steps(self._branch, self._next, steps, 1):
            step = found[0]
            self._next = step + 1
            graph = self._reader.graph(self._branch, step)
            before, self._before = self._before, (step, _leaves(graph) if graph is not None else {})
            if before is not None:  # the first one has to wait for the second
                return [_parameters(self._reader, self._branch, before[0], _moved(before, self._before))]
        return ()


def _leaves(graph: Graph) -> dict[str, Node]:
    rows = [row for row, is_op in enumerate(graph.structure.is_op) if not is_op]
    return {node.name: node for row in rows if (node := graph[row]).kind == "parameter"}


def _moved(before: _Leaves, after: _Leaves) -> list[ParameterSeen]:
    """The parameters of a sample; their updates are known if the next one that was traced is the next one."""
    nodes = after[1] if after[0] == before[0] + 1 else {}
    return [_parameter(node, nodes.get(name)) for name, node in before[1].items()]


def _parameter(node: Node, after: Node | None) -> ParameterSeen:
    """A parameter as the forward pass used it, and as the next one did."""
    old, new = node.value, after.value if after is not None else None
    update = _distance(old, new) if old is not None and new is not None else None
    weight = _norm(new if new is not None else old)
    shape = old.shape if old is not None else ()
    return ParameterSeen(node.name, shape, weight, _norm(node.grad), update, _bend(node, after))


def _bend(node: Node, after: Node | None) -> float | None:
    """(g' − g)·Δw, of a parameter of which all elements are known."""
    summaries = (node.value, node.grad, after.value, after.grad) if after is not None else ()
    known = [each.values for each in summaries if each is not None]
    if node.value is None or len(known) < 4 or any(len(each) != node.value.numel for each in known):
        return None
    products: list[float] = [(g1 - g0) * (w1 - w0) for w0, g0, w1, g1 in zip(*known, strict=True)]
    return sum(products)


def _distance(old: TensorSummary, new: TensorSummary) -> float | None:
    """‖new − old‖ by the values that were kept, up to 64 of them evenly spaced."""
    if not old.values or len(old.values) != len(new.values):
        return None
    return math.dist(old.values, new.values) * math.sqrt(max(old.numel, 1) / len(old.values))


def _norm(summary: TensorSummary | None) -> float | None:
    """‖·‖, NaN or infinite if an element is; None where nothing is known."""
    if summary is None:
        return None
    return math.nan if summary.nans else math.inf if summary.nonfinite else summary.norm


def _parameters(reader: Reader, branch: int, step: int, parameters: Sequence[ParameterSeen]) -> ParametersSeen:
    ((_, (loss, update_number)),) = reader.numbers(branch, ("loss", "update_number"), step, step + 1, 1)
    one_loss = None if reader.has_several_losses(branch, step) else loss
    return ParametersSeen(step, one_loss, update_number != 0, parameters)
