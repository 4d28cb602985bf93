"""The gradients of single parameters that a condition names, read at the moment when the update uses them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from bptui.debuggee.norms import norms, without_grad
from bptui.records import Parameter


class WantedGradients:
    """Reads a few gradients at each sample: of all parameters that would take the time of a small step.

    Attributes:
        numbers: By name, what was read last: the number itself of one element, else the norm; None where there was
            no gradient.
        missing: The parameters that had none.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, float | None] = {}
        self.missing: tuple[str, ...] = ()
        self._wanted: list[tuple[str, torch.Tensor]] = []
        self._all: list[tuple[str, torch.Tensor]] = []

    def choose(
        self,
        names: Iterable[str],
        parameters: Sequence[Parameter],
        tensors: Sequence[Any],
        looks_for_missing: bool,
    ) -> None:
        """Read these from now on.

        Args:
            names: Of the parameters; those that are not there are left out.
            parameters: All that there are.
            tensors: They themselves.
            looks_for_missing: Whether to say, too, which of all have none.
        """
        named = {each.name: tensor for each, tensor in zip(parameters, tensors, strict=True)}
        self._wanted = [(name, named[name]) for name in names if name in named]
        trained = (each.name for each in parameters if not each.is_frozen)
        self._all = [(name, named[name]) for name in trained] if looks_for_missing else []

    def note(self) -> None:
        """Read them now: after a backward pass, and again before an optimizer uses them."""
        if self._wanted or self._all:
            with torch._C.DisableTorchFunction(), without_grad():
                self.numbers = {name: _number(tensor.grad) for name, tensor in self._wanted}
                self.missing = tuple(name for name, tensor in self._all if tensor.grad is None)


def _number(grad: torch.Tensor | None) -> float | None:
    if grad is None:
        return None
    if grad.numel() == 1 and grad.layout is torch.strided:
        return float(grad)
    return norms([grad])[0]
