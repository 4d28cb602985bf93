"""The parameters that a backward pass reaches: their weights before and after the update, their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

_SMALL = 64
"""A graph of so few nodes is walked at every sample: 0.5 µs a node."""

_REWALK = 16
"""A larger one every so many samples."""


@dataclass(frozen=True, slots=True)
class Norm:
    """The Euclidean norm of several parameters taken together.

    Attributes:
        value: The norm, one element.
        numel: How many elements they have.
        dtype: The dtype of the first, without its library.
        device: Its device.
    """

    value: torch.Tensor
    numel: int
    dtype: str
    device: str


class Parameters:
    """Follows the leaves of the graph that get a gradient."""

    def __init__(self) -> None:
        self._leaves: list[torch.Tensor] = []
        self._walked = 0
        self._age = 0
        self._weight: Any = None
        self._grad: Any = None

    def find(self, outputs: Sequence[torch.Tensor]) -> None:
        """Find the leaves under these outputs, unless a large graph was walked lately."""
        self._age += 1
        if self._leaves and self._walked > _SMALL and self._age % _REWALK:
            return
        leaves, seen = [], set()
        waiting = [output.grad_fn for output in outputs if output.grad_fn is not None]
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if hasattr(node, "variable"):
                leaves.append(node.variable)
            waiting += [source for source, _ in node.next_functions if source is not None]
        self._leaves, self._walked = leaves, len(seen)

    def note_weights(self) -> None:
        """Keep the weights as they are before the update."""
        self._weight = self._together(self._leaves)

    def note_grads(self) -> None:
        """Keep the gradients as the backward pass has left them."""
        grads = [leaf.grad for leaf in self._leaves if leaf.grad is not None]
        self._grad = self._together(grads) if grads else None

    def quantities(self) -> tuple[Any, Any, Any]:
        """The weights before and after, and the gradients: of one parameter itself, of several the norm."""
        return self._weight, self._together(self._leaves), self._grad

    @torch.no_grad()
    def _together(self, tensors: list[torch.Tensor]) -> Any:
        with torch._C.DisableTorchFunction():
            if not tensors:
                return None
            if len(self._leaves) == 1:
                return tensors[0].detach().clone()
            dense = [tensor.detach() for tensor in tensors]
            norms = torch.stack([norm.double().cpu() for norm in torch._foreach_norm(dense)])
            numel = sum(tensor.numel() for tensor in dense)
            dtype = str(dense[0].dtype).removeprefix("torch.")
            return Norm(torch.linalg.vector_norm(norms), numel, dtype, str(dense[0].device))
