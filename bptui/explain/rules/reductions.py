"""Ops that make one number of many: every one of the many gets its share of the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from bptui.explain.rule import Rule, Symbol
from bptui.explain.saved import Saved


def dims_of(saved: Saved) -> tuple[int, ...]:
    """The dimensions that are reduced, counted from the front."""
    rank = len(saved.shape)
    dim = saved.get("dim")
    numbers = (dim,) if isinstance(dim, int) else dim
    return tuple(sorted(number % rank for number in numbers)) if numbers and rank else tuple(range(rank))


def restored(saved: Saved, reduced: torch.Tensor) -> torch.Tensor:
    """A reduced tensor with the reduced dimensions as ones, so that it broadcasts against the input."""
    if reduced.dim() == len(saved.shape):
        return reduced
    for dim in dims_of(saved):
        reduced = reduced.unsqueeze(dim)
    return reduced


def _spread(saved: Saved) -> torch.Tensor:
    return restored(saved, saved.g).expand(saved.shape)


def _result(saved: Saved) -> torch.Tensor:
    return restored(saved, saved.tensor("result"))


def _count(saved: Saved) -> int:
    return torch.Size(saved.shape[dim] for dim in dims_of(saved)).numel()


def _ties(saved: Saved) -> torch.Tensor:
    return (saved.tensor("self") == _result(saved)).sum(dims_of(saved), keepdim=True)


def _found(saved: Saved) -> torch.Tensor:
    where = restored(saved, saved.tensor("indices"))
    dim = dims_of(saved)[0] if saved.shape else 0
    return torch.zeros(saved.shape, dtype=torch.float64, device=where.device).scatter(dim, where, 1.0)


def _freedom(saved: Saved) -> float:
    return max(_count(saved) - float(saved.get("correction", 1)), 0.0)


def over(saved: Saved, function: Callable[..., torch.Tensor] = torch.sum) -> Callable[[Any], Any]:
    """Σ, or the mean, over the dimensions that the op reduces."""
    return lambda tensor: function(tensor, dims_of(saved), keepdim=True)


def _along(function: Callable[..., torch.Tensor]) -> Callable[[Saved], Callable[[Any], Any]]:
    return lambda saved: over(saved, function)


_A: dict[str, Symbol] = {"a": "self"}
_MEAN: dict[str, Symbol] = {**_A, "mean": _along(torch.mean)}
_SOFTMAX: dict[str, Symbol] = {"y": "result", "Σ": _along(torch.sum)}
_SHARED = "where several are equal, they share the gradient"


def _extreme(name: str) -> Rule:
    """By its place of a dimension, by its value of the whole: the node kept the one or the other."""
    return Rule(
        f"y = {name} of a",
        {"self": lambda saved: "g * m" if saved.get("indices") is not None else "g * (a == y) / n"},
        {**_A, "y": _result, "n": _ties, "m": _found},
        spread=_spread, remark="m is 1 where it was found; without m, those that are equal share the gradient",
    )  # fmt: skip


def _vector_norm(saved: Saved) -> str:
    order = saved.get("ord", saved.get("p", 2))
    if order not in (1, 2):
        raise NotImplementedError(f"a norm of order {order}")
    return "g * a / y" if order == 2 else "g * sgn(a)"


REDUCTIONS = {
    "sum": Rule("y = Σ a", {"self": "g"}, letters={"self": "a"}, spread=_spread),
    "mean": Rule("y = Σ a / n", {"self": "g / n"}, {"n": _count}, {"self": "a"}, spread=_spread),
    "max": _extreme("maximum"),
    "min": _extreme("minimum"),
    "amax": Rule("y = maximum of a", {"self": "g * (a == y) / n"}, {**_A, "y": _result, "n": _ties},
                 spread=_spread, remark=_SHARED),
    "amin": Rule("y = minimum of a", {"self": "g * (a == y) / n"}, {**_A, "y": _result, "n": _ties},
                 spread=_spread, remark=_SHARED),
    "var": Rule("y = Σ (a − mean(a))² / n", {"self": "g * 2 * (a - mean(a)) / n"}, {**_MEAN, "n": _freedom},
                spread=_spread),
    "std": Rule("y = √(Σ (a − mean(a))² / n)", {"self": "g * (a - mean(a)) / (n * y)"},
                {**_MEAN, "n": _freedom, "y": _result}, spread=_spread),
    "linalg_vector_norm": Rule("y = ‖a‖", {"self": _vector_norm}, {**_A, "y": _result}, spread=_spread),
    "logsumexp": Rule("y = ln Σ eᵃ", {"self": "g * exp(a - y)"}, {**_A, "y": _result}, spread=_spread),
    "_softmax": Rule("y = eᵃ / Σ eᵃ", {"self": "y * (g - Σ(g * y))"}, _SOFTMAX, {"self": "a"}),
    "_safe_softmax": Rule("y = eᵃ / Σ eᵃ, 0 where all is masked", {"self": "y * (g - Σ(g * y))"}, _SOFTMAX,
                          {"self": "a"}),
    "_log_softmax": Rule("y = a − ln Σ eᵃ", {"self": "g - exp(y) * Σ(g)"}, _SOFTMAX, {"self": "a"},
                         remark="exp(y) is the softmax: of cross-entropy this is the famous p − target"),
}  # fmt: skip
