"""Forward ops, one by one, as they are called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch._C import _len_torch_function_stack, _pop_torch_function_stack, _push_on_torch_function_stack
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from bptui.debuggee.places import user_place
from bptui.debuggee.stats import try_summarise
from bptui.records import Place, TensorSummary

TAG = "bptui.op"
"""Under this key an autograd node's metadata holds the `Op` that made it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An argument without history: data, not a result.

    Attributes:
        value: The object itself, to be found again in the sample.
        summary: Its numbers when the op was called.
    """

    value: object
    summary: TensorSummary | None


@dataclass(frozen=True, slots=True)
class Op:
    """One call of a torch function that autograd noticed."""

    output: TensorSummary | None
    leaves: tuple[Leaf, ...]
    place: Place | None


class OpTagger(TorchFunctionMode):
    """Tags the autograd node of every op with what was computed, from what, and where.

    Attributes:
        parameters: The leaves that get a gradient, as they were when first used, by the tensor's id; the
            `Leaf` keeps the tensor, so no id is used twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parameters: dict[int, Leaf] = {}
        self._calls = 0  # in a call torch has taken us off the stack, and puts us back after it, whatever we do
        self._is_over = False

    def begin(self) -> None:
        """Listen from now on; what was heard before is forgotten."""
        self.parameters = {}
        self._is_over = False
        if not self._calls and self not in _get_current_function_mode_stack():  # type: ignore[no-untyped-call]
            _push_on_torch_function_stack(self)

    def end(self) -> None:
        """Listen no more; a mode that the user's code has entered meanwhile, and not left, stays."""
        self._is_over = True
        if self._calls:
            return
        # `with` would take that mode off the stack in our place. If the user's code has left one that it entered
        # before, it is the other way round: we were taken off and the other is still there, on top.
        modes = [_pop_torch_function_stack() for _ in range(_len_torch_function_stack())]
        ours = modes.index(self) if self in modes else 0
        del modes[ours : ours + 1]
        for mode in reversed(modes):
            _push_on_torch_function_stack(mode)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the op, and tag the nodes that are new."""
        self._calls += 1
        try:
            return self._call(func, args, kwargs) if not self._is_over else func(*args, **(kwargs or {}))
        finally:
            self._calls -= 1

    def _call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        inputs = tuple(_flat((*args, *(kwargs or {}).values())))
        before = self.note(inputs)
        out = func(*args, **(kwargs or {}))
        for tensor in _flat((out,)):
            node = _node_of(tensor)
            if node is not None and node not in before:
                self._tag(node, tensor, inputs)
        return out

    def note(self, values: Sequence[Any]) -> set[Any]:
        """Tag, with their value alone, the nodes that were made unheard; give the nodes of all values.

        An autograd.Function of the user's own and compiled code are not called through us.
        """
        nodes = {node: value for value in values if (node := _node_of(value)) is not None}
        for node, value in nodes.items():
            if TAG not in node.metadata:
                node.metadata[TAG] = Op(try_summarise(value), (), None)
        return set(nodes)

    def _tag(self, node: Any, output: torch.Tensor, inputs: tuple[Any, ...]) -> None:
        for value in inputs:
            if isinstance(value, torch.Tensor) and value.requires_grad and value.is_leaf:
                self.parameters.setdefault(id(value), Leaf(value, try_summarise(value)))
        leaves = tuple(Leaf(value, try_summarise(value)) for value in inputs if _is_data(value))
        node.metadata[TAG] = Op(try_summarise(output), leaves, user_place())


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from value
        else:
            yield value


def _node_of(value: Any) -> Any:
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        return None
    try:
        return value.grad_fn
    except RuntimeError:  # a view made in no_grad and then changed in place has no legal grad_fn
        return None


def _is_data(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.requires_grad
    return isinstance(value, np.generic | np.ndarray | float)
