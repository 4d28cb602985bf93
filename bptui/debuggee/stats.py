"""Tensor → TensorSummary, on the tensor's own device, at bounded cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from bptui.debuggee.norms import without_grad
from bptui.records import EXACT, KEPT, Kind, TensorSummary

NUMBERS = (bool, int, float, np.generic)
"""What counts as a number beside tensors and arrays."""

LARGEST_DENSE = 1 << 24
"""A sparse tensor of more elements is not made dense: only its kind is told."""

UNREADABLE = (TypeError, ValueError, RuntimeError, OverflowError)
"""What is raised by things that are no numbers, or whose numbers can not be had."""


def as_tensor(value: Any) -> torch.Tensor:
    """A tensor, array, sequence of numbers or number as a tensor without history.

    Raises:
        TypeError: It is none of these.
        ValueError: A sequence of unequal lengths.
    """
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, complex):
        return torch.tensor(value)
    if isinstance(value, (np.ndarray, *NUMBERS, Sequence)) and not isinstance(value, str | bytes):
        # A copy, as torch takes no array that is read-only, reversed or of another byte order.
        array = np.asarray(value)
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))
    raise TypeError(f"it is a {type(value).__name__}")


def kind_of(value: Any) -> Kind:
    """What stays the same of a quantity from sample to sample."""
    if isinstance(value, bool | int | float) and not isinstance(value, np.generic):
        return Kind((), type(value).__name__, "cpu")
    tensor = value if isinstance(value, torch.Tensor) else as_tensor(value)
    return Kind(tuple(tensor.shape), _name(tensor.dtype), _name(tensor.device))


@cache
def _name(kind: torch.dtype | torch.device) -> str:
    return str(kind).removeprefix("torch.")


def summarise(value: Any) -> TensorSummary:
    """The summary of a tensor, array or number of any shape, dtype and device.

    Costs about 5 µs up to `KEPT` elements, then some passes over the data where it lies.
    """
    with torch._C.DisableTorchFunction(), without_grad():
        kind = kind_of(value)
        numbers = _plain(as_tensor(value))
        values: tuple[float, ...] = ()
        stats = _UNKNOWN
        if numbers is not None and numbers.numel() <= KEPT:
            values = tuple(numbers.reshape(-1).tolist())
            stats = _stats_of_values(values)
        elif numbers is not None:
            stats, values = _stats_of_tensor(numbers), _evenly_spaced(numbers)
        return TensorSummary(kind.shape, kind.dtype, kind.device, *stats, values)


def try_summarise(value: Any) -> TensorSummary | None:
    """The summary, or None of a tensor that has no numbers to look at: nested, fake, of a transform like vmap."""
    try:
        return summarise(value)
    except UNREADABLE:
        return None


def _plain(tensor: torch.Tensor) -> torch.Tensor | None:
    """The same numbers as a dense tensor of a dtype that has arithmetic; None where there are no numbers."""
    if tensor.is_meta or (tensor.layout != torch.strided and tensor.numel() > LARGEST_DENSE):
        return None
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = tensor.to(torch.promote_types(tensor.dtype, torch.complex64)).abs()  # complex32 has no abs
    if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.float()
    return tensor


_Moments = tuple[float | None, float | None, float | None, float | None, float | None]
"""min, max, mean, std and norm."""

_Stats = tuple[float | None, float | None, float | None, float | None, float | None, int, int, int, int]
"""Those, and how many zeros, NaN, +Inf and -Inf there are, in the order of `TensorSummary`."""

_NONE: _Moments = (None, None, None, None, None)
_UNKNOWN: _Stats = (*_NONE, 0, 0, 0, 0)


def _stats_of_values(values: tuple[float, ...]) -> _Stats:
    norm, zeros = math.hypot(*values), values.count(0)
    if values and math.isfinite(norm):  # then so is every element
        return (*_moments_of_values(values, norm), zeros, 0, 0, 0)
    finite = tuple(value for value in values if math.isfinite(value))
    moments = _moments_of_values(finite, math.hypot(*finite)) if finite else _NONE
    nans = sum(value != value for value in values)
    return (*moments, zeros, nans, values.count(math.inf), values.count(-math.inf))


def _moments_of_values(values: tuple[float, ...], norm: float) -> _Moments:
    mean, count = _mean(values), len(values)
    std = math.dist(values, (mean,) * count) / math.sqrt(count)
    return float(min(values)), float(max(values)), mean, std, norm


def _mean(values: tuple[float, ...]) -> float:
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        half = math.fsum(value / len(values) / 2 for value in values)
        return min(2 * half, max(values)) if half > 0 else max(2 * half, min(values))


def _stats_of_tensor(tensor: torch.Tensor) -> _Stats:
    # Integers and bools have no mean or norm of their own dtype; float32 sums of 10⁶ elements lose digits.
    wide = tensor.double()
    zeros = wide.numel() - int(torch.count_nonzero(wide))
    *_, norm = moments = _moments(wide)
    if norm is not None and math.isfinite(norm):  # so is every element; asking each takes 5 × as long
        return (*moments, zeros, 0, 0, 0)
    finite = torch.isfinite(wide)
    if bool(finite.all()):
        return (*moments, zeros, 0, 0, 0)
    counts = [int(found(wide).sum()) for found in (torch.isnan, torch.isposinf, torch.isneginf)]
    nans, pos_infs, neg_infs = counts
    return (*(_moments(wide[finite]) if bool(finite.any()) else _NONE), zeros, nans, pos_infs, neg_infs)


def _moments(tensor: torch.Tensor) -> _Moments:
    low, high = tensor.aminmax()
    mean = tensor.mean()
    spread = torch.linalg.vector_norm(tensor - mean) / math.sqrt(tensor.numel())  # std() takes 13 × as long
    norm = torch.linalg.vector_norm(tensor)
    return float(low), float(high), float(mean), float(spread), float(norm)


def _evenly_spaced(tensor: torch.Tensor) -> tuple[float, ...]:
    flat, count = tensor.reshape(-1), tensor.numel()
    index = torch.arange(KEPT, device=tensor.device) * (count - 1) // (KEPT - 1)
    return tuple(flat[index].tolist())


assert EXACT <= KEPT, "the exact values are the first kept ones"
