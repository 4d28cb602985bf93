"""The non-linear functions between layers."""

from __future__ import annotations

import torch

from bptui.explain.rule import Rule
from bptui.explain.saved import Saved

_A = {"a": "self"}
_AT_KINK = "at a = 0, where it has no derivative, torch takes the left one"


def _gelu(saved: Saved) -> str:
    if saved.get("approximate") == "tanh":
        return "g * ((1 + tanh(u)) / 2 + a * (1 - tanh(u) ** 2) / 2 * d)"
    return "g * (Φ(a) + a * φ(a))"


def _gelu_equation(saved: Saved) -> str:
    if saved.get("approximate") == "tanh":
        return "y = a · (1 + tanh(u))/2, u = √(2/π)·(a + 0.044715·a³), d = ∂u/∂a"
    return "y = a · Φ(a), Φ the normal distribution and φ its density"


_C, _K = 0.044715, (2 / 3.141592653589793) ** 0.5

ACTIVATIONS = {
    "relu": Rule("y = max(a, 0)", {"self": "g * (y > 0)"}, {"y": "result"}, {"self": "a"}, remark=_AT_KINK),
    "threshold": Rule(
        "y = a where a > c, else a constant", {"self": "g * (a > c)"}, {**_A, "c": "threshold"}, remark=_AT_KINK,
    ),
    "leaky_relu": Rule(
        "y = a where a > 0, else s·a", {"self": "g * ((a > 0) + s * (a <= 0))"},
        {"a": lambda saved: saved["self" if saved.get("self") is not None else "result"], "s": "negative_slope"},
        {"self": "a"}, remark=_AT_KINK,
    ),
    "elu": Rule(
        "y = s·a where a > 0, else s·α·(eᵃ − 1)", {"self": "g * s * ((a > 0) + α * exp(a) * (a <= 0))"},
        {**_A, "s": "scale", "α": "alpha", "exp": lambda _: lambda a: torch.exp(a.clamp(max=0))},
    ),
    "hardtanh": Rule(
        "y = a, but no less than low and no more than high", {"self": "g * (a > low) * (a < high)"},
        {**_A, "low": "min_val", "high": "max_val"},
    ),
    "gelu": Rule(
        _gelu_equation, {"self": _gelu},
        {
            **_A,
            "u": lambda saved: _K * (saved["self"] + _C * saved["self"] ** 3),
            "d": lambda saved: _K * (1 + 3 * _C * saved["self"] ** 2),
        },
    ),
    "silu": Rule("y = a · σ(a)", {"self": "g * (σ(a) * (1 + a * (1 - σ(a))))"}, _A),
    "sigmoid": Rule("y = σ(a) = 1/(1 + e⁻ᵃ)", {"self": "g * (y * (1 - y))"}, {"y": "result"}, {"self": "a"}),
    "tanh": Rule("y = tanh a", {"self": "g * (1 - y ** 2)"}, {"y": "result"}, {"self": "a"}),
    "softplus": Rule(
        "y = ln(1 + e^(β·a))/β", {"self": "g * σ(β * a)"}, {**_A, "β": "beta"},
        remark="where β·a is above the threshold, torch takes y = a",
    ),
}  # fmt: skip
