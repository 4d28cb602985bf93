"""Normalisations: x̂ has mean 0 and variance 1, so its gradient has no part along either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from bptui.explain.rule import Rule, Symbol
from bptui.explain.saved import Saved

_X_HAT = "y = γ·x̂ + β, x̂ = (x − mean(x))·r, r = 1/std(x)"
_INPUT = "r * (g - mean(g) - x̂ * mean(g * x̂))"
_SCALED_INPUT = "r * (g * γ - mean(g * γ) - x̂ * mean(g * γ * x̂))"
_LETTERS = {"input": "x", "weight": "γ", "bias": "β"}


def _normal(saved: Saved) -> str:
    return _INPUT if saved.get("weight") is None else _SCALED_INPUT


def _along(dims: Callable[[Saved], tuple[int, ...]], function: Callable[..., torch.Tensor]) -> Symbol:
    return lambda saved: lambda tensor: function(tensor, dims(saved), keepdim=True)


def _layer_dims(saved: Saved) -> tuple[int, ...]:
    return tuple(range(-len(saved["normalized_shape"]), 0))


def _per_channel(saved: Saved, vector: torch.Tensor) -> torch.Tensor:
    return vector.reshape([-1 if dim == 1 else 1 for dim in range(len(saved.out_shape))])


def _all_but_channel(saved: Saved) -> tuple[int, ...]:
    return tuple(dim for dim in range(len(saved.out_shape)) if dim != 1)


def _is_fixed(saved: Saved) -> bool:
    """Whether mean and variance are those of former samples, and no functions of this one."""
    return not saved.get("training", True)


def _batch(saved: Saved) -> str:
    if _is_fixed(saved):
        return "g * r" if saved.get("weight") is None else "g * γ * r"
    return _normal(saved)


def _batch_mean(saved: Saved) -> torch.Tensor:
    return _per_channel(saved, saved["running_mean" if _is_fixed(saved) else "result1"])


def _batch_rstd(saved: Saved) -> torch.Tensor:
    if _is_fixed(saved):
        return _per_channel(saved, (saved["running_var"] + saved["eps"]).rsqrt())
    return _per_channel(saved, saved["result2"])


def _to_channels(saved: Saved) -> Callable[[Any], Any]:
    return lambda tensor: tensor.sum(_all_but_channel(saved))


def _groups(saved: Saved, tensor: torch.Tensor) -> torch.Tensor:
    """The input, or something of its shape, with each group in a row of its own."""
    return tensor.reshape(saved["N"], saved["group"], -1)


def _of_groups(saved: Saved, name: str) -> torch.Tensor:
    return saved.tensor(name).reshape(saved["N"], saved["group"], 1)


def _group_x_hat(saved: Saved) -> torch.Tensor:
    rows = (_groups(saved, saved.tensor("input")) - _of_groups(saved, "result1")) * _of_groups(saved, "result2")
    return rows.reshape(saved.out_shape)


def _group_mean(saved: Saved) -> Callable[[Any], Any]:
    def mean(tensor: torch.Tensor) -> torch.Tensor:
        rows = _groups(saved, tensor)
        return rows.mean(-1, keepdim=True).expand_as(rows).reshape(saved.out_shape)

    return mean


def _group_rstd(saved: Saved) -> torch.Tensor:
    return _of_groups(saved, "result2").expand_as(_groups(saved, saved["input"])).reshape(saved.out_shape)


_BATCH = Rule(
    _X_HAT, {"input": _batch, "weight": "Σ(g * x̂)", "bias": "Σ(g)"},
    {
        "r": _batch_rstd, "γ": lambda saved: _per_channel(saved, saved["weight"]),
        "x̂": lambda saved: (saved["input"] - _batch_mean(saved)) * _batch_rstd(saved),
        "mean": _along(_all_but_channel, torch.mean), "Σ": _to_channels,
    },
    _LETTERS,
    remark="mean and variance are each channel's, over batch and space; in eval() they are fixed",
)  # fmt: skip

NORMALISATION = {
    "native_layer_norm": Rule(
        _X_HAT, {"input": _normal, "weight": "g * x̂", "bias": "g"},
        {
            "r": "result2", "γ": "weight", "mean": _along(_layer_dims, torch.mean),
            "x̂": lambda saved: (saved["input"] - saved["result1"]) * saved["result2"],
        },
        _LETTERS, remark="mean and variance are each sample's, over its features",
    ),
    "native_batch_norm": _BATCH,
    "_native_batch_norm_legit": _BATCH,
    "native_group_norm": Rule(
        _X_HAT, {"input": _normal, "weight": "Σ(g * x̂)", "bias": "Σ(g)"},
        {
            "r": _group_rstd, "γ": lambda saved: _per_channel(saved, saved["weight"]),
            "x̂": _group_x_hat, "mean": _group_mean, "Σ": _to_channels,
        },
        _LETTERS, remark="mean and variance are each group of channels' in each sample",
    ),
}  # fmt: skip
