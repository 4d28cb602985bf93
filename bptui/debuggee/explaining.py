"""What each node of a backward pass does, explained while the pass runs and the node's saved tensors live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import thread_time
from typing import Any

from torch._C import DisableTorchFunction
from torch.utils._python_dispatch import _disable_current_modes

from bptui.debuggee.nodes import is_leaf, roots
from bptui.explain.derivatives import table
from bptui.explain.explain import explain
from bptui.records import ExplainedRow, Explanation, Explanations

BUDGET = 0.15
"""Seconds of CPU that a sample's explanations may take together."""

DEARER = 4
"""So many times as long as a large node's own backward takes its explanation, in float64, at most."""

PER_ELEMENT = 10e-9
"""Seconds for each element of the gradients, at most: of a view, whose backward takes none, that is all."""


class Explainer:
    """Listens to the backward passes of one sample.

    The engine comes to the nodes nearest the loss first; when the budget is used up, the others are left out.
    """

    def __init__(self) -> None:
        self._explained: dict[Any, Explanation] = {}
        self._left_out: dict[Any, None] = {}
        self._roots: dict[Any, None] = {}
        self._spent = 0.0

    def listen(self, outputs: Sequence[Any], nodes: Iterable[Any]) -> list[Any]:
        """Explain the nodes of the backward pass that is about to begin; remove the handles after it."""
        table()  # read once in a process, which is not to be counted as explaining
        self._roots |= dict.fromkeys(roots(outputs))
        return [handle for node in nodes if not is_leaf(node) for handle in self._listen(node)]

    def _listen(self, node: Any) -> tuple[Any, Any]:
        began = 0.0

        def before(_: object) -> None:
            nonlocal began
            began = thread_time()

        def after(went_out: Sequence[Any], came_in: Sequence[Any]) -> None:
            now = thread_time()
            with DisableTorchFunction():
                elements = sum(grad.numel() for grad in (*went_out, *came_in) if grad is not None)
            if self._spent + max(DEARER * (now - began), PER_ELEMENT * elements) > BUDGET:
                self._left_out[node] = None
                return
            with _disable_current_modes():
                self._explained[node] = explain(node, came_in, went_out)
            self._left_out.pop(node, None)
            self._spent += thread_time() - now

        return node.register_prehook(before), node.register_hook(after)

    def explanations(self, row_of: Mapping[Any, int]) -> Explanations:
        """What was found out.

        Args:
            row_of: The row of each node in the graph, of a leaf that of its AccumulateGrad.
        """
        rows = [
            ExplainedRow(row_of[node], tuple(row_of.get(source) for source, _ in node.next_functions), explanation)
            for node, explanation in self._explained.items()
            if node in row_of
        ]
        left_out, losses = (
            tuple(row_of[node] for node in nodes if node in row_of) for nodes in (self._left_out, self._roots)
        )
        return Explanations(tuple(rows), left_out, BUDGET, losses)
