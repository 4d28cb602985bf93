"""What nodes and their inputs are called, and whose code a Function of the user's own is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

from bptui.explain.derivatives import Entry, table
from bptui.explain.rule import Rule
from bptui.explain.saved import plain_shape
from bptui.records import Place

_BUILT_IN = {
    "AccumulateGrad": "a leaf: the gradient that comes in is added to its .grad",
    "CopySlices": "a write in place to a part of a tensor: what was overwritten gets the gradient 0",
    "CopyBackwards": "a copy to another dtype or device: the gradient is copied back",
    "UndefinedGradBackward": "no gradient goes through here",
    "Error": "a node that can not be differentiated: going back through it raises",
}
"""Nodes in C++ that are not made from the table."""


def plain_name(node: Any) -> str:
    """A node's name without its namespace: "MulBackward0", "AccumulateGrad"."""
    return str(node.name()).rpartition("::")[2]


def op_of(node: str, entry: Entry | None) -> str:
    """The op that a node belongs to: "nll_loss", "mul"; a Function of the user's own by its name."""
    return entry.op.strip("_").removesuffix("_forward") if entry else re.sub(r"Backward\d*$", "", node)


def input_names(entry: Entry | None, rule: Rule | None, edges: int) -> list[str]:
    """What the inputs are called at the node's edges; of a list each edge is one of its tensors."""
    names = list(entry.formulas) if entry else list(rule.grads) if rule else []
    lists = [name for name in names if entry and name in entry.lists]
    if len(lists) == 1:
        at, length = names.index(lists[0]), edges - len(names) + 1
        names[at : at + 1] = [f"{lists[0]}[{number}]" for number in range(length)]
    return names if len(names) == edges else [f"input {number}" for number in range(edges)]


def user_function(node: Any) -> type | None:
    """The torch.autograd.Function of the user's that a node was made by."""
    found = getattr(node, "_forward_cls", None)
    return found if isinstance(found, type) else None


def backward_place(function: type) -> Place | None:
    """Where the backward of a Function is written, None where it is not Python."""
    for name in ("backward", "vjp"):
        code = getattr(inspect.unwrap(getattr(function, name, None)), "__code__", None)  # type: ignore[arg-type]
        if code is not None and "torch/autograd/" not in code.co_filename.replace("\\", "/"):
            return Place(code.co_filename, code.co_firstlineno)
    return None


def remark_on(name: str, function: type | None, entry: Entry | None, rule: Rule | None) -> str:
    """Why there is no formula, or what is to be said of it."""
    if function is not None:
        place = backward_place(function)
        where = f" at {place.path}:{place.line}" if place else ""
        return f"custom Function {function.__qualname__}: its backward is the user's code{where}"
    if entry is None and name in _BUILT_IN:
        return _BUILT_IN[name]
    if not table():
        return "PyTorch's own formulas are not here: this torch came without torchgen's derivatives.yaml"
    if entry is None:
        return f"{name} is not in PyTorch's table of derivatives"
    return rule.remark if rule else "PyTorch's formula alone: there is no rule in mathematics for this op here"


def shapes_of(node: Any, grads: Sequence[Any]) -> list[tuple[int, ...] | None]:
    """The shapes of a node's inputs, as far as they need a gradient."""
    return [_shape(edge, grad) for edge, grad in zip(node.next_functions, grads, strict=True)]


def _shape(edge: tuple[Any, int], grad: Any) -> tuple[int, ...] | None:
    if grad is not None:
        return plain_shape(grad.shape)
    source, at = edge
    return None if source is None else plain_shape(source._input_metadata[at].shape)
