"""Which parameters an update leaves as they were: a tenth of the time that it takes to measure by how much."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch

from bptui.debuggee.norms import without_grad
from bptui.debuggee.parameter_stats import LARGEST_COPY
from bptui.debuggee.parameter_table import is_updatable
from bptui.records import Parameter

_kind = operator.attrgetter("shape", "dtype", "device")


class AtRest:
    """Compares the weights before a sample's first backward pass with those after its update.

    Attributes:
        names: What the last sample has left as it was; None if it was not looked at.
        is_in_doubt: Whether it has reached other leaves than the one before: there may be new parameters.
    """

    def __init__(self) -> None:
        self.names: tuple[str, ...] | None = None
        self.is_in_doubt = False
        self._names: list[str] = []
        self._tensors: list[torch.Tensor] = []
        self._before: list[torch.Tensor] = []
        self._kinds: list[Any] = []
        self._leaves: Sequence[torch.Tensor] = ()
        self._has_begun = False

    def choose(self, parameters: Sequence[Parameter], tensors: Sequence[torch.Tensor]) -> None:
        """Look at these from now on, none if there are none, or they are too large to be copied."""
        found = [
            (each.name, tensor) for each, tensor in zip(parameters, tensors, strict=True) if is_updatable(tensor)
        ]
        if sum([tensor.nbytes for _, tensor in found]) > LARGEST_COPY:
            found = []
        self._names, self._tensors = [name for name, _ in found], [tensor for _, tensor in found]
        self._before, self._kinds, self._leaves = [], [], ()
        self._has_begun = self.is_in_doubt = False

    def begin(self, leaves: Sequence[torch.Tensor]) -> None:
        """The first backward pass of a sample, which reaches these leaves, is about to begin."""
        self.names = None
        self._has_begun = bool(self._tensors)
        if not self._has_begun:
            return
        self.is_in_doubt, self._leaves = bool(self._leaves) and leaves is not self._leaves, leaves
        kinds = [*map(_kind, self._tensors)]
        with torch._C.DisableTorchFunction(), without_grad():
            if kinds == self._kinds:
                torch._foreach_copy_(self._before, self._tensors)
            else:
                self._kinds, self._before = kinds, [each.clone() for each in self._tensors]

    def finish(self) -> None:
        """The sample is complete, with its update."""
        if self._has_begun and [*map(_kind, self._tensors)] == self._kinds:
            with torch._C.DisableTorchFunction(), without_grad():
                equal = map(torch.equal, self._before, self._tensors)  # which ends at the first that is not
                self.names = tuple(name for name, is_equal in zip(self._names, equal, strict=True) if is_equal)
        self._has_begun = False
