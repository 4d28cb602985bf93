"""Pooling: windows that slide over the input, of which the largest entry, or the mean, is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from bptui.explain.rule import Rule
from bptui.explain.saved import Saved

Matrix = Callable[[Saved, int, int, int], torch.Tensor]
"""How a dimension of the input is averaged: a matrix of the windows' shares, output size × input size."""

_A = {"self": "a"}


def _to_places(saved: Saved, space: int) -> torch.Tensor:
    """Each gradient goes to the entry that was the largest; one that won in several windows gets their sum."""
    places: torch.Tensor = saved["result1"]
    flat = saved.g.flatten(-space), places.flatten(-space)
    found = torch.zeros(saved.shape, dtype=flat[0].dtype, device=places.device).flatten(-space)
    return found.scatter_add(-1, flat[1], flat[0]).reshape(saved.shape)


def _fixed(saved: Saved, dim: int, size: int, out: int) -> torch.Tensor:
    """How a dimension is averaged: a matrix of out × size, ones where a window is, and its divisor before it."""
    kernel, pad = _nth(saved["kernel_size"], dim), _nth(saved["padding"], dim)
    stride = _nth(saved["stride"] or saved["kernel_size"], dim)
    start = torch.arange(out) * stride - pad
    end = (start + kernel).clamp(max=size + pad)
    inside = start.clamp(min=0), end.clamp(max=size)
    lengths = end - start if saved["count_include_pad"] else inside[1] - inside[0]
    if saved.get("divisor_override"):
        lengths = torch.ones_like(lengths)
    return _windows(*inside, size) / lengths.double().unsqueeze(1)


def _adaptive(_saved: Saved, _dim: int, size: int, out: int) -> torch.Tensor:
    index = torch.arange(out)
    start, end = index * size // out, -(-(index + 1) * size // out)
    return _windows(start, end, size) / (end - start).double().unsqueeze(1)


def _windows(start: torch.Tensor, end: torch.Tensor, size: int) -> torch.Tensor:
    at = torch.arange(size)
    return ((at >= start.unsqueeze(1)) & (at < end.unsqueeze(1))).double()


def _nth(numbers: Sequence[int], at: int) -> int:
    return numbers[at % len(numbers)]


def _averaged(saved: Saved, matrix: Matrix, space: int) -> torch.Tensor:
    """Each gradient is shared out over its window, dimension by dimension."""
    found = saved.g
    for dim in range(space):
        axis = dim - space
        shares = matrix(saved, dim, saved.shape[axis], found.shape[axis]).to(found)
        found = torch.movedim(torch.movedim(found, axis, -1) @ shares, -1, axis)
    return found / (saved.get("divisor_override") or 1)


def _average(space: int, matrix: Matrix) -> Rule:
    return Rule(
        "y = mean of each window of a", {"self": "shares(g)"},
        {"shares": lambda saved: lambda _: _averaged(saved, matrix, space)}, _A,
        remark="each entry gets its share, g/n, of every window that it was in",
    )  # fmt: skip


def _maximum(space: int) -> Rule:
    return Rule(
        "y = maximum of each window of a", {"self": "Σ(g)"},
        {"Σ": lambda saved: lambda _: _to_places(saved, space)}, _A,
        remark="Σ goes over the windows of which an entry was the largest; the others get 0",
    )  # fmt: skip


POOLING = {
    "max_pool2d_with_indices": _maximum(2),
    "max_pool3d_with_indices": _maximum(3),
    "adaptive_max_pool2d": _maximum(2),
    "adaptive_max_pool3d": _maximum(3),
    "avg_pool2d": _average(2, _fixed),
    "avg_pool3d": _average(3, _fixed),
    "_adaptive_avg_pool2d": _average(2, _adaptive),
    "_adaptive_avg_pool3d": _average(3, _adaptive),
}
