"""Convolutions: what each entry of the kernel did, entry of the kernel by entry of the kernel."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from bptui.explain.rule import Rule
from bptui.explain.saved import Saved

Index = Any
"""Which entries of the last dimensions: with it a tensor is indexed."""


def _windows(saved: Saved, out: tuple[int, ...]) -> Iterator[tuple[Index, Index]]:
    """For each entry of the kernel, where it meets the padded input while it slides over it."""
    kernel, steps = saved["weight"].shape[2:], list(zip(saved["stride"], saved["dilation"], out, strict=True))
    for at in itertools.product(*map(range, kernel)):
        places = [(k * dilation, stride, size) for k, (stride, dilation, size) in zip(at, steps, strict=True)]
        yield (
            (..., *at),
            (..., *(slice(begin, begin + stride * (size - 1) + 1, stride) for begin, stride, size in places)),
        )


def _batched(saved: Saved, tensor: torch.Tensor) -> torch.Tensor:
    """N×C×…, also of a single sample."""
    return tensor if tensor.dim() == saved["weight"].dim() else tensor.unsqueeze(0)


def _flat(tensor: torch.Tensor, groups: int) -> torch.Tensor:
    """N × groups × channels of a group × places."""
    return tensor.reshape(tensor.shape[0], groups, tensor.shape[1] // groups, -1)


def _pads(saved: Saved) -> list[int]:
    return [pad for size in reversed(saved["padding"]) for pad in (size, size)]


def _correlate(saved: Saved) -> Callable[[Any, Any], torch.Tensor]:
    """∂L/∂W[o, c, k] = Σ over samples n and places p of g[n, o, p] · x[n, c, p·stride + k·dilation − padding]."""

    def corr(x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        x, g = _batched(saved, x), _batched(saved, g)
        weight, groups = saved["weight"], saved["groups"]
        padded, found = F.pad(x, _pads(saved)), torch.zeros_like(weight)
        rows = _flat(g, groups)
        for at, window in _windows(saved, tuple(g.shape[2:])):
            met = _flat(padded[window], groups)
            found[at] = torch.einsum("ngop,ngcp->goc", rows, met).reshape(weight.shape[:2])
        return found

    return corr


def _convolve(saved: Saved) -> Callable[[Any, Any], torch.Tensor]:
    """y[n, o, p] = Σ over c and k of W[o, c, k] · x[n, c, p·stride + k·dilation − padding]."""

    def conv(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        padded, groups, shape = F.pad(_batched(saved, x), _pads(saved)), saved["groups"], saved.shape
        space = shape[2 - weight.dim() :]
        found = torch.zeros(padded.shape[0], weight.shape[0], *space, dtype=x.dtype, device=x.device)
        for at, window in _windows(saved, tuple(space)):
            kernel = weight[at].reshape(groups, -1, weight.shape[1])
            met = _flat(padded[window], groups)
            found += torch.einsum("goc,ngcp->ngop", kernel, met).reshape(found.shape)
        return found.reshape(shape)

    return conv


def _transposed(saved: Saved) -> Callable[[Any, Any], torch.Tensor]:
    """∂L/∂x[n, c, q] = Σ over o and the k and p that met there of W[o, c, k] · g[n, o, p]."""

    def conv_transposed(g: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        rows, groups, shape = _batched(saved, g), saved["groups"], saved.shape
        batched = shape if len(shape) == weight.dim() else (1, *shape)
        sizes = [size + 2 * pad for size, pad in zip(batched[2:], saved["padding"], strict=True)]
        found = torch.zeros(*batched[:2], *sizes, dtype=g.dtype, device=g.device)
        for at, window in _windows(saved, tuple(rows.shape[2:])):
            kernel = weight[at].reshape(groups, -1, weight.shape[1])
            part = torch.einsum("goc,ngop->ngcp", kernel, _flat(rows, groups))
            found[window] += part.reshape(*batched[:2], *rows.shape[2:])
        inside: Index = [slice(pad, size - pad) for size, pad in zip(sizes, saved["padding"], strict=True)]
        return found[(..., *inside)].reshape(shape)

    return conv_transposed


def _to_channels(saved: Saved) -> Callable[[Any], Any]:
    return lambda g: _batched(saved, g).transpose(0, 1).flatten(1).sum(1)


CONVOLUTION = {
    "convolution": Rule(
        lambda saved: "y = convᵀ(x, W) + b" if saved["transposed"] else "y = conv(x, W) + b",
        {
            "input": lambda saved: "conv(g, W)" if saved["transposed"] else "convT(g, W)",
            "weight": lambda saved: "corr(g, x)" if saved["transposed"] else "corr(x, g)",
            "bias": "Σ(g)",
        },
        {
            "x": "input", "W": "weight", "conv": _convolve, "convT": _transposed, "corr": _correlate,
            "Σ": _to_channels,
        },
        {"bias": "b"},
        remark="corr slides g over x: each entry of W gets what it met, times the gradient of what it made",
    ),
}  # fmt: skip
