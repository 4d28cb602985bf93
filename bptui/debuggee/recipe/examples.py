"""Where the examples of a batch lie in its tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Examples:
    """A supposition: which dimension of the inputs counts the examples.

    Attributes:
        count: How many there are.
        dim: The dimension: 0, or 1 where the sequence comes first.
        is_exact: Whether every output has a dimension of that size, not only one of a multiple of it.
        is_plain: Whether no other dimension of the inputs is of that size.
    """

    count: int
    dim: int
    is_exact: bool = True
    is_plain: bool = True

    def within(self, shape: Sequence[int]) -> tuple[int, torch.Tensor] | None:
        """Along which dimension of a tensor they lie, and which example each index there belongs to.

        A dimension of a multiple of their number holds them one after the other, as `view(-1)` lays them out:
        whole examples if they came first, else one element of each in turn.
        """
        for dim in dict.fromkeys((self.dim, 0, 1)):
            if dim < len(shape) and shape[dim] == self.count:
                return dim, torch.arange(self.count)
        if not shape or not shape[0] or shape[0] % self.count:
            return None
        each = shape[0] // self.count
        at = torch.arange(shape[0])
        return 0, at // each if self.dim == 0 else at % self.count

    def two(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor with every example replaced by the first one or the second, in turn."""
        found = self.within(tensor.shape)
        if found is None:
            return tensor
        dim, example = found
        places = torch.arange(tensor.shape[dim])
        first = torch.stack([places[example == each] for each in range(self.count)])
        chosen = first[torch.arange(self.count) % 2]
        index = places.clone()
        for each in range(self.count):
            index[first[each]] = chosen[each]
        return tensor.index_select(dim, index.to(tensor.device))


def suppositions(inputs: Sequence[torch.Tensor], outputs: Sequence[torch.Tensor]) -> Iterator[Examples]:
    """Where the examples may lie, as far as inputs and outputs agree; the likeliest first."""
    if not inputs:
        return
    shape = max(inputs, key=torch.Tensor.numel).shape
    found = [Examples(shape[dim], dim) for dim in (0, 1) if dim < len(shape) and shape[dim] > 1]
    for exact in (True, False):
        for each in found:
            places = [each.within(output.shape) for output in outputs]
            if any(place is None for place in places) or not places:
                continue
            is_exact = all(len(place[1]) == each.count for place in places if place is not None)
            if is_exact is exact:
                yield Examples(each.count, each.dim, is_exact, list(shape).count(each.count) == 1)
