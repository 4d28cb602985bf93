"""Ops that compute each number of the output from one number of each input."""

from __future__ import annotations

import math
from typing import Any

import torch

from bptui.explain.rule import Rule, Text
from bptui.explain.saved import Saved

_A, _AB = {"a": "self"}, {"a": "self", "b": "other"}
_ALPHA = {**_AB, "α": "alpha"}


def _if_scaled(scaled: str, plain: str) -> Text:
    return lambda saved: plain if saved.get("alpha", 1) == 1 else scaled


def _if_rounded(formula: str) -> Text:
    """Rounding is flat: its derivative is zero."""
    return lambda saved: "g * 0" if saved.get("rounding_mode") else formula


def _power(saved: Saved) -> str:
    return "g * 0" if isinstance(n := saved["exponent"], int | float) and n == 0 else "g * n * a ** (n - 1)"


def _log_of_base(_: Saved) -> Any:
    # 0ⁿ stays 0 while n changes a little, so the limit of y·ln(a) is taken at a = 0.
    def ln(a: Any) -> torch.Tensor:
        base = torch.as_tensor(a, dtype=torch.float64)
        return torch.where(base == 0, 0, base.log())

    return ln


def _clamp(saved: Saved) -> str:
    low, high = saved.get("min") is not None, saved.get("max") is not None
    return "g" + " * (a >= low)" * low + " * (a <= high)" * high


POINTWISE = {
    "add": Rule(
        _if_scaled("y = a + α·b", "y = a + b"),
        {"self": "g", "other": _if_scaled("g * α", "g")}, _ALPHA,
    ),
    "sub": Rule(
        _if_scaled("y = a − α·b", "y = a − b"),
        {"self": "g", "other": _if_scaled("-(g * α)", "-g")}, _ALPHA,
    ),
    "rsub": Rule(
        _if_scaled("y = b − α·a", "y = b − a"),
        {"self": _if_scaled("-(g * α)", "-g"), "other": "g"}, _ALPHA,
    ),
    "mul": Rule("y = a · b", {"self": "g * b", "other": "g * a"}, _AB),
    "div": Rule(
        "y = a / b", {"self": _if_rounded("g / b"), "other": _if_rounded("-(g * a / b ** 2)")}, _AB,
    ),
    "pow": Rule(
        "y = aⁿ", {"self": _power, "exponent": "g * y * ln(a)"},
        {**_A, "n": "exponent", "y": "result", "ln": _log_of_base},
    ),
    "neg": Rule("y = −a", {"self": "-g"}, _A),
    "exp": Rule("y = eᵃ", {"self": "g * y"}, {**_A, "y": "result"}),
    "log": Rule("y = ln a", {"self": "g / a"}, _A),
    "log1p": Rule("y = ln(1 + a)", {"self": "g / (1 + a)"}, _A),
    "sqrt": Rule("y = √a", {"self": "g / (2 * y)"}, {**_A, "y": "result"}),
    "rsqrt": Rule("y = 1/√a", {"self": "-(g * y ** 3 / 2)"}, {**_A, "y": "result"}),
    "reciprocal": Rule("y = 1/a", {"self": "-(g * y ** 2)"}, {**_A, "y": "result"}),
    "sin": Rule("y = sin a", {"self": "g * cos(a)"}, _A),
    "cos": Rule("y = cos a", {"self": "-(g * sin(a))"}, _A),
    "atan": Rule("y = arctan a", {"self": "g / (1 + a ** 2)"}, _A),
    "erf": Rule("y = erf a", {"self": "g * 2 * exp(-a ** 2) / sqrt(π)"}, {**_A, "π": lambda _: math.pi}),
    "abs": Rule("y = |a|", {"self": "g * sgn(a)"}, _A, remark="at a = 0, which has no derivative, torch takes 0"),
    "clamp": Rule(
        "y = a, but no less than low and no more than high", {"self": _clamp}, {**_A, "low": "min", "high": "max"},
    ),
    "clamp_min": Rule("y = max(a, low)", {"self": "g * (a >= low)"}, {**_A, "low": "min"}),
    "clamp_max": Rule("y = min(a, high)", {"self": "g * (a <= high)"}, {**_A, "high": "max"}),
    "maximum": Rule(
        "y = max(a, b)", {"self": "g * ((a > b) + (a == b) / 2)", "other": "g * ((b > a) + (a == b) / 2)"}, _AB,
    ),
    "minimum": Rule(
        "y = min(a, b)", {"self": "g * ((a < b) + (a == b) / 2)", "other": "g * ((b < a) + (a == b) / 2)"}, _AB,
    ),
    "where": Rule(
        "y = a where c, else b", {"self": "g * c", "other": "g * (1 - c)"},
        {**_AB, "c": lambda saved: saved["condition"].double()},
    ),
    "masked_fill": Rule(
        "y = a, but b where the mask m is 1", {"self": "g * (1 - m)", "value": "g * m"},
        {**_A, "b": "value", "m": lambda saved: saved["mask"].double()},
    ),
    "native_dropout": Rule(
        "y = a · m/(1 − p), m = 0 where dropped",
        {"input": lambda saved: "g * m / (1 - p)" if saved.get("train", True) else "g"},
        {"a": "input", "m": lambda saved: saved["result1"].double(), "p": "p"},
    ),
}  # fmt: skip
