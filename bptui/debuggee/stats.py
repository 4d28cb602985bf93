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
        if numbers is None:
            return _summary(kind, (), {})
        if numbers.numel() <= KEPT:
            values = numbers.reshape(-1).tolist()
            return _summary(kind, tuple(values), _stats_of_list(values))
        return _summary(kind, _evenly_spaced(numbers), _stats_of_tensor(numbers))


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


def _summary(kind: Kind, values: tuple[float, ...], stats: dict[str, Any]) -> TensorSummary:
    return TensorSummary(kind.shape, kind.dtype, kind.device, values=values, **(_NO_STATS | stats))


_NO_STATS: dict[str, Any] = dict.fromkeys(("min", "max", "mean", "std", "norm")) | dict.fromkeys(
    ("zeros", "nans", "pos_infs", "neg_infs"), 0
)


def _stats_of_list(values: list[float]) -> dict[str, Any]:
    counts = {"zeros": values.count(0), "nans": 0, "pos_infs": 0, "neg_infs": 0}
    norm, finite = math.hypot(*values), values
    if not math.isfinite(norm):  # else so is every element
        finite = [value for value in values if math.isfinite(value)]
        norm = math.hypot(*finite)
        counts["nans"] = sum(value != value for value in values)
        counts["pos_infs"] = values.count(math.inf)
        counts["neg_infs"] = values.count(-math.inf)
    if not finite:
        return counts
    mean = _mean(finite)
    return counts | {
        "min": float(min(finite)),
        "max": float(max(finite)),
        "mean": mean,
        "std": math.dist(finite, [mean] * len(finite)) / math.sqrt(len(finite)),
        "norm": norm,
    }


def _mean(values: list[float]) -> float:
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        half = math.fsum(value / len(values) / 2 for value in values)
        return min(2 * half, max(values)) if half > 0 else max(2 * half, min(values))


def _stats_of_tensor(tensor: torch.Tensor) -> dict[str, Any]:
    # Integers and bools have no mean or norm of their own dtype; float32 sums of 10⁶ elements lose digits.
    wide = tensor.double()
    counts = {"zeros": wide.numel() - int(torch.count_nonzero(wide)), "nans": 0, "pos_infs": 0, "neg_infs": 0}
    moments = _moments(wide)
    if math.isfinite(moments["norm"]):  # so is every element; asking each takes 5 × as long
        return counts | moments
    finite = torch.isfinite(wide)
    if not bool(finite.all()):
        counts |= {
            "nans": int(torch.isnan(wide).sum()),
            "pos_infs": int(torch.isposinf(wide).sum()),
            "neg_infs": int(torch.isneginf(wide).sum()),
        }
        moments = _moments(wide[finite]) if bool(finite.any()) else {}
    return counts | moments


def _moments(tensor: torch.Tensor) -> dict[str, float]:
    low, high = tensor.aminmax()
    mean = tensor.mean()
    spread = torch.linalg.vector_norm(tensor - mean) / math.sqrt(tensor.numel())  # std() takes 13 × as long
    norm = torch.linalg.vector_norm(tensor)
    named = zip(("min", "max", "mean", "std", "norm"), (low, high, mean, spread, norm), strict=True)
    return {name: float(stat) for name, stat in named}


def _evenly_spaced(tensor: torch.Tensor) -> tuple[float, ...]:
    flat, count = tensor.reshape(-1), tensor.numel()
    index = torch.arange(KEPT, device=tensor.device) * (count - 1) // (KEPT - 1)
    return tuple(flat[index].tolist())


assert EXACT <= KEPT, "the exact values are the first kept ones"
