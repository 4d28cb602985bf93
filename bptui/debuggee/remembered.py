"""Copies of tensors as the sample before has left them."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import torch

from bptui.debuggee.live import ROOM, Live
from bptui.debuggee.tensor_view import NoNumbers
from bptui.debuggee.unobserved import unobserved
from bptui.protocol.messages import TensorRef


class Copy(NamedTuple):
    """A tensor as it was.

    Attributes:
        tensor: Its copy.
        steps: After how many samples.
    """

    tensor: torch.Tensor
    steps: int


class Remembered:
    """Keeps a copy of all parameters and their gradients, and of what was inspected last, within `ROOM`."""

    def __init__(self) -> None:
        self._leaves: dict[int, weakref.ref[torch.Tensor]] = {}
        self._copies: dict[tuple[int, str] | TensorRef, Copy] = {}
        self._asked: dict[TensorRef, None] = {}
        self._steps = -1

    def note(self, ref: TensorRef) -> None:
        """It is being looked at: keep it for the next sample, too."""
        self._asked[ref] = None

    def keep(self, live: Live, steps: int) -> None:
        """Copy what the next sample is to be compared with; after the same sample, once."""
        if steps == self._steps:
            return
        self._steps, left = steps, ROOM
        self._copies, self._leaves = {}, {}
        with unobserved():
            for key, tensor in self._wanted(live):
                size = (
                    tensor.nbytes if type(tensor) is torch.Tensor and tensor.layout == torch.strided else left + 1
                )
                if size <= left and not tensor.is_meta:
                    left -= size
                    self._copies[key] = Copy(tensor.clone(), steps)
        self._asked = {}

    def _wanted(self, live: Live) -> list[tuple[Any, torch.Tensor]]:
        wanted: list[tuple[Any, torch.Tensor]] = []
        for ref in self._asked:
            try:
                found = live.find(ref)
            except NoNumbers:
                continue
            if isinstance(found, torch.Tensor) and not (found.is_leaf and found.requires_grad):
                wanted.append((ref, found.detach()))
        for leaf in live.leaves():
            self._leaves[id(leaf)] = weakref.ref(leaf)
            wanted.append(((id(leaf), "value"), leaf.detach()))
            if (grad := leaf.grad) is not None:
                wanted.append(((id(leaf), "grad"), grad.detach()))
        return wanted

    def of_leaf(self, leaf: torch.Tensor, part: str) -> Copy | None:
        """A parameter or its gradient as the sample before has left it."""
        known = self._leaves.get(id(leaf))
        return self._copies.get((id(leaf), part)) if known is not None and known() is leaf else None

    def of(self, ref: TensorRef) -> Copy | None:
        """Another tensor that was inspected then."""
        return self._copies.get(ref)
