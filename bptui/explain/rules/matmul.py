"""Products of matrices and vectors."""

from __future__ import annotations

import torch

from bptui.explain.rule import Rule, Symbol, Text
from bptui.explain.saved import Saved


def _scaled(symbol: str, saved_as: str, plain: str) -> Text:
    return lambda saved: plain if saved.get(saved_as, 1) == 1 else f"{symbol} * {plain}"


def _sum_of(product: str) -> Text:
    def equation(saved: Saved) -> str:
        beta = "" if saved.get("beta", 1) == 1 else "β·"
        return f"y = {beta}c + {'' if saved.get('alpha', 1) == 1 else 'α·'}{product}"

    return equation


def _added(matrix: str, other: str, letter: str, grads: tuple[str, str]) -> Rule:
    """Something plus a product: addmm, baddbmm, addmv."""
    symbols: dict[str, Symbol] = {"A": matrix, letter: other, "α": "alpha", "β": "beta"}
    return Rule(
        _sum_of(f"A·{letter}"),
        {
            "self": _scaled("β", "beta", "g"),
            matrix: _scaled("α", "alpha", grads[0]),
            other: _scaled("α", "alpha", grads[1]),
        },
        {**symbols, "outer": lambda _: torch.outer}, {"self": "c"},
    )  # fmt: skip


def _as_rows(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1, tensor.shape[-1])


_PRODUCT = ("g @ T(B)", "T(A) @ g")
_AB = {"A": "self", "B": "mat2"}

MATMUL = {
    "mm": Rule("y = A·B", dict(zip(("self", "mat2"), _PRODUCT, strict=True)), _AB),
    "bmm": Rule("y = A·B", dict(zip(("self", "mat2"), _PRODUCT, strict=True)), _AB),
    "mv": Rule("y = A·v", {"self": "outer(g, v)", "vec": "T(A) @ g"},
               {"A": "self", "v": "vec", "outer": lambda _: torch.outer}),
    "dot": Rule("y = Σ a·b", {"self": "g * b", "tensor": "g * a"}, {"a": "self", "b": "tensor"}),
    "vdot": Rule("y = Σ a·b", {"self": "g * b", "other": "g * a"}, {"a": "self", "b": "other"}),
    "addmm": _added("mat1", "mat2", "B", _PRODUCT),
    "baddbmm": _added("batch1", "batch2", "B", _PRODUCT),
    "addmv": _added("mat", "vec", "v", ("outer(g, v)", "T(A) @ g")),
    "linear": Rule(
        "y = x·Wᵀ + b", {"input": "g @ W", "weight": "T(rows(g)) @ rows(x)", "bias": "g"},
        {"x": "input", "W": "weight", "rows": lambda _: _as_rows}, {"bias": "b"},
    ),
}  # fmt: skip
