"""Several optimizers in one sample: each uses the gradients of its own parameters at another moment."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch

Leaves = Sequence[torch.Tensor]


class Shares:
    """What optimizers have used of a sample's gradients; what is added to those later is not of this update."""

    def __init__(self) -> None:
        self._shares: dict[int, tuple[Leaves, Any]] = {}
        self._only: Callable[[], torch.optim.Optimizer | None] = lambda: None
        self._all: Leaves = ()

    def clear(self) -> None:
        """A new sample begins."""
        if self._shares:
            self._shares = {}

    def rest(self, leaves: Leaves) -> Leaves:
        """Those of the leaves whose gradients no optimizer has used."""
        if not self._shares:
            return leaves
        used = {id(leaf) for share, _ in self._shares.values() for leaf in share}
        return [leaf for leaf in leaves if id(leaf) not in used]

    def take_back(self, optimizer: torch.optim.Optimizer) -> bool:
        """An optimizer that has made a step begins another one: False if it is its first."""
        return self._shares.pop(id(optimizer), None) is not None

    def split(self, optimizer: torch.optim.Optimizer, leaves: Leaves) -> tuple[Leaves, Leaves]:
        """The leaves that are an optimizer's, and those that are not."""
        if leaves is self._all and self._only() is optimizer:
            return leaves, ()
        params = {id(param) for group in optimizer.param_groups for param in group["params"]}
        own = [leaf for leaf in leaves if id(leaf) in params]
        if len(own) == len(leaves):
            self._only, self._all = weakref.ref(optimizer), leaves
            return leaves, ()
        return own, [leaf for leaf in leaves if id(leaf) not in params]

    def add(self, optimizer: torch.optim.Optimizer, leaves: Leaves, grads: Any) -> None:
        """An optimizer has used the gradients of these leaves.

        Args:
            optimizer: The optimizer.
            leaves: Its own.
            grads: Their gradients, or the norm of those; None if they had none.
        """
        self._shares[id(optimizer)] = leaves, grads

    def grads(self) -> list[Any]:
        """All gradients that were used."""
        return [grads for _, grads in self._shares.values() if grads is not None]
