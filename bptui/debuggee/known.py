"""Numbers that are read at once, where their tensor would be overwritten."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from bptui.debuggee.stats import kind_of
from bptui.records import Kind


class Known(NamedTuple):
    """A quantity that has been read already: one element, or the Euclidean norm of several parameters together.

    Attributes:
        value: The number; a tensor of one element where it would have had to be waited for.
        kind: What it is; of several parameters their number of elements and the dtype and device of the first.
    """

    value: torch.Tensor | float
    kind: Kind


class ElementReader:
    """Reads tensors of one element; remembers the kind of the last, since the next is nearly always alike."""

    def __init__(self) -> None:
        self._dtype: torch.dtype | None = None
        self._shape: torch.Size | None = None
        self._kind = Kind((), "", "")

    def read(self, tensor: Any) -> Any:
        """The number, or a copy of what is not one float on the processor."""
        number = self.number(tensor)
        if number is None and is_one_float(tensor):
            self._dtype, self._shape, self._kind = tensor.dtype, tensor.shape, kind_of(tensor)
            number = self.number(tensor)
        return tensor.detach().clone() if number is None else self.known(number)

    def number(self, tensor: Any) -> float | None:
        """The number, if the tensor is of the same kind as the last one that was read."""
        if tensor.dtype is self._dtype and tensor.is_cpu and tensor.shape == self._shape:
            try:
                number: float = tensor.item()
                return number
            except (RuntimeError, TypeError):  # sparse now, or not what it was any more
                self._dtype = None
        return None

    def known(self, number: float) -> Known:
        """A number that `number` has read."""
        return Known(number, self._kind)


def is_one_float(tensor: torch.Tensor) -> bool:
    """Whether a tensor is one number that can be read without waiting for it."""
    is_plain = tensor.is_cpu and tensor.layout is torch.strided and tensor.dtype.is_floating_point
    return is_plain and tensor.numel() == 1
