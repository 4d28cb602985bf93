"""When are the weights updated? An optimizer says it; what a script does by hand shows in the weights' bytes."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch

from bptui.debuggee.known import Known, is_one_float
from bptui.debuggee.norms import without_grad

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""The integers of a size: norms miss small changes, and NaN is not even equal to itself."""


class Updates:
    """Counts updates.

    Attributes:
        count: How many there were.
        found: How they were noticed, in words; empty before the first.
        is_by_hand: Whether no optimizer says it of the leaves at hand: then an update of nothing is not seen.
    """

    def __init__(self) -> None:
        self.count = 0
        self.found = ""
        self._kinds: set[type] = set()
        self._optimizers: dict[int, weakref.ref[torch.optim.Optimizer]] = {}
        self._optimized: dict[int, weakref.ref[torch.Tensor]] = {}
        self._leaves: Sequence[torch.Tensor] = ()
        self.is_by_hand = True
        self._state: list[Any] = []
        self._bumps_versions = False

    def note_step(self, optimizer: torch.optim.Optimizer, counts: bool) -> None:
        """An optimizer of torch's has made a step, which counts as an update or only as a part of one."""
        self.count += counts
        if type(optimizer) not in self._kinds:
            self._kinds.add(type(optimizer))
            self.found = ", ".join(filter(None, (self.found, f"{type(optimizer).__name__}.step()")))

    def expect_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer of torch's begins a step: what its parameters do meanwhile is no update by hand."""
        if id(optimizer) not in self._optimizers or self._optimizers[id(optimizer)]() is not optimizer:
            self._optimizers[id(optimizer)] = weakref.ref(optimizer)
            params = [param for group in optimizer.param_groups for param in group["params"]]
            self._optimized |= {id(param): weakref.ref(param) for param in params}
            self._leaves = ()

    def expect(self, leaves: Sequence[torch.Tensor]) -> None:
        """These leaves are about to be updated."""
        if leaves is not self._leaves:
            self._leaves, self._bumps_versions = leaves, False
            self.is_by_hand = not any(map(self._is_optimized, leaves))
            self._state = self._read() if self.is_by_hand else []

    def look(self, leaves: Sequence[torch.Tensor], weight: Any = None) -> None:
        """Find out whether these leaves have changed since the last look, unless an optimizer would say so.

        Args:
            leaves: The leaves.
            weight: Of one leaf alone, its element if that has been read already.
        """
        if leaves is not self._leaves:
            self.expect(leaves)
        elif self.is_by_hand and (state := self._read(weight)) != self._state:
            # Whoever writes past the version counter does so always: .data is a matter of style.
            self._bumps_versions = self._bumps_versions or state[0] != self._state[0]
            self._state = state[:1] if self._bumps_versions else state
            self.count += 1
            self.found = self.found or "by hand: the weights have changed"

    def settle(self, count: int, version: int, weight: float) -> None:
        """There were so many more updates of the one leaf at hand.

        Args:
            count: How many.
            version: The leaf's after the last of them.
            weight: Its element then.
        """
        self.count += count
        self._state = [version] if self._bumps_versions else [version, repr(weight)]

    def _read(self, weight: Any = None) -> list[Any]:
        """What changes with the weights."""
        version = sum([leaf._version for leaf in self._leaves])
        if self._bumps_versions:
            return [version]
        if type(weight) is Known and len(self._leaves) == 1:  # of several, it is their norm
            return [version, repr(weight.value)]
        with torch._C.DisableTorchFunction(), without_grad():
            return [version, *map(fingerprint, self._leaves)]

    def _is_optimized(self, leaf: torch.Tensor) -> bool:
        known = self._optimized.get(id(leaf))
        return known is not None and known() is leaf


def fingerprint(tensor: torch.Tensor) -> Any:
    """An element as text, for NaN is not equal to itself; of several, the sum of their bytes."""
    if is_one_float(tensor):
        return repr(tensor.item())
    plain = tensor.detach()
    if plain.layout != torch.strided or plain.is_quantized or plain.is_meta:
        return 0
    if plain.is_complex():
        plain = torch.view_as_real(plain)
    return int(plain.view(_INTEGERS[plain.element_size()]).sum())
