"""Losses: how wrong a prediction is, and which way is better."""

from __future__ import annotations

import torch

from bptui.explain.rule import Rule, Symbol, Text
from bptui.explain.saved import Saved

_NONE, _MEAN, _SUM = range(3)
"""What `reduction` means in PyTorch's table (ATen/core/Reduction.h)."""


def _count(saved: Saved) -> int:
    return torch.Size(saved.shape).numel() if saved["reduction"] == _MEAN else 1


def _spread(saved: Saved) -> torch.Tensor:
    return saved.g.expand(saved.shape)


_LOSS: dict[str, Symbol] = {"a": "self", "t": "target", "n": _count}
_N = " n is the count of entries where the loss is their mean, else 1"


def _logits(saved: Saved) -> str:
    error = "σ(a) - t" if saved.get("pos_weight") is None else "(1 + (p - 1) * t) * σ(a) - p * t"
    return f"g * {_weight(saved)}({error}) / n"


def _logits_target(saved: Saved) -> str:
    if saved.get("pos_weight") is None:
        return f"-(g * {_weight(saved)}a / n)"
    return f"g * {_weight(saved)}(ln(σ(-a)) - p * ln(σ(a))) / n"


def _weight(saved: Saved) -> str:
    return "" if saved.get("weight") is None else "w * "


def _weighted(text: str) -> Text:
    return lambda saved: f"g * {_weight(saved)}{text}"


def _class_dim(saved: Saved) -> int:
    return min(1, len(saved.shape) - 1)


def _one_hot(saved: Saved) -> torch.Tensor:
    target, ignored = saved.tensor("target"), saved.get("ignore_index", -100)
    dim = _class_dim(saved)
    target = target.reshape(saved.shape[:dim] + saved.shape[dim + 1 :]).unsqueeze(dim)
    kept = target != ignored
    zeros = torch.zeros(saved.shape, dtype=torch.float64, device=target.device)
    found: torch.Tensor = zeros.scatter(dim, target.where(kept, 0), 1.0) * kept
    return found


def _class_weight(saved: Saved) -> torch.Tensor:
    weight: torch.Tensor = saved["weight"]
    return weight.reshape([-1 if dim == _class_dim(saved) else 1 for dim in range(len(saved.shape))])


def _spread_to_classes(saved: Saved) -> torch.Tensor:
    g = saved.g if saved["reduction"] != _NONE else saved.g.unsqueeze(_class_dim(saved))
    return g.expand(saved.shape)


def _total(saved: Saved) -> float:
    return float(saved["total_weight"]) if saved["reduction"] == _MEAN else 1


_NLL = Rule(
    "y = −Σ w·a[target] / W",
    {"self": lambda saved: f"-(g * {_weight(saved)}m / W)"},
    {"m": _one_hot, "w": _class_weight, "W": _total}, {"self": "a"}, _spread_to_classes,
    "m is 1 at the target's class; W is the count, or weight, of the targets where the loss is a mean, else 1",
)  # fmt: skip


def _rounded_off(bend: str, equation: str, power: int) -> Rule:
    """The absolute error, but the squared one near zero: between −β and β the gradient is d, outside it is ±β."""

    def clipped(saved: Saved) -> torch.Tensor:
        beta = float(saved[bend])
        difference = saved.tensor("self") - saved.tensor("target")
        return difference.clamp(-beta, beta) / float(beta**power)

    remark = f"e is d between −β and β, ±β outside{', over β' * power};{_N}"
    return Rule(
        equation, {"self": "g * e / n", "target": "-(g * e / n)"},
        {**_LOSS, "e": clipped}, spread=_spread, remark=remark,
    )  # fmt: skip


LOSSES = {
    "mse_loss": Rule("y = Σ (a − t)² / n", {"self": "g * 2 * (a - t) / n", "target": "g * 2 * (t - a) / n"}, _LOSS,
                     spread=_spread, remark=_N.strip()),
    "binary_cross_entropy_with_logits": Rule(
        "y = −Σ (t·ln σ(a) + (1 − t)·ln(1 − σ(a))) / n", {"self": _logits, "target": _logits_target},
        {**_LOSS, "w": "weight", "p": "pos_weight"}, spread=_spread, remark=_N.strip(),
    ),
    "binary_cross_entropy": Rule(
        "y = −Σ (t·ln a + (1 − t)·ln(1 − a)) / n",
        {"self": _weighted("(a - t) / (a * (1 - a)) / n"), "target": _weighted("(ln(1 - a) - ln(a)) / n")},
        {**_LOSS, "w": "weight"}, spread=_spread, remark=_N.strip(),
    ),
    "smooth_l1_loss": _rounded_off("beta", "y = Σ (d²/2β where |d| < β, else |d| − β/2) / n, d = a − t", 1),
    "huber_loss": _rounded_off("delta", "y = Σ (d²/2 where |d| < β, else β·(|d| − β/2)) / n, d = a − t", 0),
    "nll_loss": _NLL,
    "nll_loss2d": _NLL,
}  # fmt: skip
