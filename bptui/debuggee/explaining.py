"""What each node of a backward pass does, explained while the pass runs and the node's saved tensors live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import thread_time
from typing import Any, NamedTuple

from torch._C import DisableTorchFunction
from torch.utils._python_dispatch import _disable_current_modes

from bptui.debuggee.kept_calls import KeptCalls
from bptui.debuggee.nodes import is_leaf, roots
from bptui.explain.derivatives import table
from bptui.explain.explain import explain
from bptui.records import Explanation, GradientCheck

BUDGET = 0.15
"""Seconds of CPU that a sample's explanations may take together."""

DEARER = 4
"""So many times as long as a large node's own backward takes its explanation, in float64, at most."""

PER_ELEMENT = 10e-9
"""Seconds for each element of the gradients, at most: of a view, whose backward takes none, that is all."""


class Gradients(NamedTuple):
    """What a node was given and gave in a backward pass; nothing where there was no memory to hold it.

    Attributes:
        came_in: The gradient of each output.
        went_out: The gradient that goes along each edge.
        versions: Each of these tensors, and how often it had been changed in place.
    """

    came_in: tuple[Any, ...]
    went_out: tuple[Any, ...]
    versions: tuple[tuple[Any, int], ...]


class Explainer:
    """Listens to the backward passes of one sample.

    The engine comes to the nodes nearest the loss first; when the budget is used up, the others are left out,
    until somebody asks for them.

    Attributes:
        kept: The calls of the forward pass.
        gradients: Of each node that is done.
        explained: Each node's explanation.
        left_out: The nodes that the budget did not reach.
        roots: The nodes from which backward passes began.
        checks: What came of comparing nodes with finite differences.
    """

    def __init__(self) -> None:
        self.kept = KeptCalls()
        self.gradients: dict[Any, Gradients] = {}
        self.explained: dict[Any, Explanation] = {}
        self.left_out: dict[Any, None] = {}
        self.roots: dict[Any, None] = {}
        self.checks: dict[Any, GradientCheck] = {}
        self._spent = 0.0

    def listen(self, outputs: Sequence[Any], nodes: Iterable[Any]) -> list[Any]:
        """Explain the nodes of the backward pass that is about to begin; remove the handles after it."""
        table()  # read once in a process, which is not to be counted as explaining
        self.roots |= dict.fromkeys(roots(outputs))
        return [handle for node in nodes if not is_leaf(node) for handle in self._listen(node)]

    def _listen(self, node: Any) -> tuple[Any, Any]:
        began = 0.0

        def before(_: object) -> None:
            nonlocal began
            began = thread_time()

        def after(went_out: Sequence[Any], came_in: Sequence[Any]) -> None:
            now = thread_time()
            with DisableTorchFunction():
                tensors = [grad for grad in (*went_out, *came_in) if grad is not None]
                elements = sum(grad.numel() for grad in tensors)
                self._hold(node, tuple(went_out), tuple(came_in), tensors)
            self.explained.pop(node, None)  # of before there was a gradient, or of the pass before
            if self._spent + max(DEARER * (now - began), PER_ELEMENT * elements) > BUDGET:
                self.left_out[node] = None
                return
            with _disable_current_modes():
                self.explained[node] = explain(node, came_in, went_out)
            self.left_out.pop(node, None)
            self._spent += thread_time() - now

        return node.register_prehook(before), node.register_hook(after)

    def _hold(self, node: Any, went_out: tuple[Any, ...], came_in: tuple[Any, ...], tensors: list[Any]) -> None:
        if self.kept.hold(tensors):
            versions = tuple((each, each._version) for each in tensors if not each.is_inference())
            self.gradients[node] = Gradients(came_in, went_out, versions)
        else:
            self.gradients[node] = Gradients((), (), ())
