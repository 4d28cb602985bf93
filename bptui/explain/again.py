"""An op called once more, to explain a node whose saved tensors are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch._C._autograd import _get_sequence_nr
from torch.utils._pytree import tree_flatten, tree_unflatten

from bptui.explain.explain import Grads, explain
from bptui.records import Explanation


def explain_again(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    name: str,
    offset: int,
    needs: Sequence[bool],
    grad_outputs: Grads,
    grad_inputs: Grads,
) -> Explanation:
    """What a node does with the gradient, from the same call made anew, on copies.

    To be called where random numbers and the modules' own state do not matter. It does not raise.

    Args:
        function: The op.
        args: Its arguments, as they were before it was called.
        kwargs: Its arguments by name.
        name: What the node is called.
        offset: Which of the nodes that the op makes it is, by the order in which they are made.
        needs: Of each floating tensor among the arguments, whether it needs a gradient.
        grad_outputs: The gradients that came in.
        grad_inputs: The gradients that went out.
    """
    try:
        with torch._C.DisableTorchFunction(), torch.enable_grad():
            parts, structure = tree_flatten((tuple(args), dict(kwargs)))
            args, kwargs = tree_unflatten(_copies(parts, needs), structure)
            first = _get_sequence_nr()
            outputs = tree_flatten(function(*args, **kwargs))[0]
        node = _node(outputs, name, first + offset)
    except Exception as error:  # the user's own code, called a second time
        return Explanation(name, name, remark=f"no numbers: it could not be run again: {error!r}")
    if node is None:
        return Explanation(name, name, remark="no numbers: run again, it makes other nodes")
    return explain(node, grad_outputs, grad_inputs)


def _copies(parts: Sequence[Any], needs: Iterable[bool]) -> list[Any]:
    """Tensors that an op in place may change, with a history if they had one; of the same one the same copy."""
    asked, copies, found = iter(needs), dict[int, torch.Tensor](), []
    for part in parts:
        is_needed = isinstance(part, torch.Tensor) and part.is_floating_point() and next(asked)
        if isinstance(part, torch.Tensor) and id(part) not in copies:
            copy = part.detach().clone()
            copies[id(part)] = copy.requires_grad_().clone() if is_needed else copy
        found.append(copies.get(id(part), part))
    return found


def _node(outputs: Iterable[Any], name: str, number: int) -> Any:
    waiting = [value.grad_fn for value in outputs if isinstance(value, torch.Tensor)]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen or node._sequence_nr() < number:
            continue
        seen.add(node)
        if node._sequence_nr() == number and node.name().rpartition("::")[2] == name:
            return node
        waiting += [source for source, _ in node.next_functions]
    return None
