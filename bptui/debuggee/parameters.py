"""The parameters that a sample's backward passes reach: weights before and after the update, gradients."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

_SMALL = 8
"""A graph of so few nodes is walked at every sample: 0.5 µs a node."""

_REWALK = 64
"""A larger one every so many samples, or if another parameter is nearest to the loss."""


@dataclass(frozen=True, slots=True)
class Norm:
    """The Euclidean norm of several parameters taken together.

    Attributes:
        value: The norm: a number, or a tensor of one element.
        numel: How many elements they have.
        dtype: The dtype of the first, without its library.
        device: Its device.
    """

    value: torch.Tensor | float
    numel: int
    dtype: str
    device: str


class Parameters:
    """Follows the leaves of a sample's graphs that get a gradient."""

    def __init__(self) -> None:
        self._leaves: list[torch.Tensor] = []
        self._is_small = True
        self._age = 0
        self._versions = 0
        self._before: Any = None
        self._after: Any = None
        self._grad: Any = None
        self._numel = 0

    @property
    def leaves(self) -> list[torch.Tensor]:
        """The leaves, the nearest to the loss first."""
        return self._leaves

    def begin(self, outputs: Sequence[Any]) -> None:
        """A sample's first backward pass is about to begin: note the weights that it reaches."""
        self._age += 1
        if self._is_small or self._age % _REWALK == 0 or self._is_another(outputs):
            self._find(outputs)
        if self._after is None or self._versions != _versions(self._leaves) or len(self._leaves) == 1:
            self._after = self._together(self._leaves)
        self._before = self._after  # nothing has changed since the last sample's update

    def widen(self, outputs: Sequence[Any]) -> None:
        """A further backward pass of the sample is about to begin: it may reach other parameters."""
        known = {id(leaf) for leaf in self._leaves}
        new = [leaf for leaf in _leaves_under(outputs)[0] if id(leaf) not in known]
        if new:
            weights = self._together(self._leaves), self._together(new)
            self._set([*self._leaves, *new])
            self._before = self._joined(*weights)
        self._is_small = True  # the next sample begins with its own

    def note_grads(self) -> None:
        """Keep the gradients as the backward pass has left them."""
        self._grad = self._together([leaf.grad for leaf in self._leaves if leaf.grad is not None])

    def quantities(self) -> tuple[Any, Any, Any]:
        """The weights before and after, and the gradients: of one parameter itself, of several the norm."""
        self._after = self._together(self._leaves)
        self._versions = _versions(self._leaves)
        return self._before, self._after, self._grad

    def _is_another(self, outputs: Sequence[Any]) -> bool:
        """Whether the graph is not the one that was walked: another parameter is nearest to the loss."""
        nearest = next((node.variable for node in _nodes_under(outputs) if hasattr(node, "variable")), None)
        return not self._leaves or nearest is not self._leaves[0]

    def _find(self, outputs: Sequence[Any]) -> None:
        leaves, count = _leaves_under(outputs)
        self._is_small = count <= _SMALL
        if [id(leaf) for leaf in leaves] != [id(leaf) for leaf in self._leaves]:
            self._set(leaves)

    def _set(self, leaves: list[torch.Tensor]) -> None:
        self._leaves, self._after = leaves, None
        self._numel = sum(leaf.numel() for leaf in leaves)

    def _together(self, tensors: list[torch.Tensor]) -> Any:
        with torch._C.DisableTorchFunction():
            if not tensors:
                return None
            if len(self._leaves) == 1:
                return tensors[0].detach().clone()
            first = tensors[0]
            with torch.no_grad():
                norm = _norm(tensors)
            numel = self._numel if len(tensors) == len(self._leaves) else sum(each.numel() for each in tensors)
            return Norm(norm, numel, str(first.dtype).removeprefix("torch."), str(first.device))

    def _joined(self, one: Any, other: Any) -> Any:
        """The norm of two groups of parameters taken together."""
        if one is None:
            return other
        parts = [float(each.value) if isinstance(each, Norm) else _norm([each]) for each in (one, other)]
        first = self._leaves[0]
        dtype = str(first.dtype).removeprefix("torch.")
        return Norm(math.hypot(*parts), self._numel, dtype, str(first.device))


def leaves_under(outputs: Sequence[Any]) -> list[torch.Tensor]:
    """The leaves that a backward pass from these outputs reaches, the nearest first."""
    return _leaves_under(outputs)[0]


def _leaves_under(outputs: Sequence[Any]) -> tuple[list[torch.Tensor], int]:
    """The leaves under these outputs, the nearest first, and how many nodes their graph has."""
    nodes = list(_nodes_under(outputs))
    bare = [output for output in outputs if isinstance(output, torch.Tensor) and output.is_leaf]
    return bare + [node.variable for node in nodes if hasattr(node, "variable")], len(nodes)


def _nodes_under(outputs: Sequence[Any]) -> Iterator[Any]:
    waiting = deque(output.grad_fn if isinstance(output, torch.Tensor) else output.node for output in outputs)
    seen: set[Any] = set()
    while waiting:
        node = waiting.popleft()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting.extend([source for source, _ in node.next_functions])


def _norm(tensors: list[torch.Tensor]) -> Any:
    """The norm of all elements together; a tensor only where it need not be waited for."""
    try:
        norms = torch._foreach_norm(tensors)
        if tensors[0].is_cpu:
            return math.hypot(*[norm.item() for norm in norms])  # stacking them takes three times as long
        if not any(norm.is_meta for norm in norms):
            return torch.linalg.vector_norm(torch.stack(norms), dtype=torch.float64)
    except (RuntimeError, TypeError):  # sparse, of several devices, quantised, float8
        pass
    return math.hypot(*map(_norm_of_odd, tensors))


def _norm_of_odd(tensor: torch.Tensor) -> float:
    dense = tensor.detach()
    if dense.is_meta:
        return math.nan  # it has no numbers
    if dense.layout == torch.sparse_coo:
        dense = dense.coalesce().values()
    elif dense.layout != torch.strided:
        dense = dense.to_dense()
    if dense.is_quantized:
        dense = dense.dequantize()
    if dense.is_floating_point():
        dense = dense.double()  # float8 has no arithmetic
    return float(torch.linalg.vector_norm(dense))


def _versions(tensors: list[torch.Tensor]) -> int:
    return sum([tensor._version for tensor in tensors])
