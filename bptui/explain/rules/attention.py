"""Scaled dot-product attention in one op; in its plain form it is matmul, softmax, matmul, each with its rule."""

from __future__ import annotations

import torch

from bptui.explain.rule import Rule
from bptui.explain.saved import Saved, Unknown


def _scale(saved: Saved) -> float:
    return float(saved.get("scale", saved["query"].shape[-1] ** -0.5))


def _probabilities(saved: Saved) -> torch.Tensor:
    """P: how much each query attends to each key, …×queries×keys."""
    if saved.get("dropout_p", 0):
        raise Unknown("which probabilities were dropped is not kept")
    scores = saved.tensor("query") @ saved.tensor("key").mT * _scale(saved)
    mask = saved.get("attn_mask", saved.get("attn_bias"))
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    if saved.get("is_causal"):
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~allowed, -torch.inf)
    return scores.softmax(-1)


def _score_grads(saved: Saved) -> torch.Tensor:
    """Through the softmax back to the scores: P ⊙ (g·Vᵀ − Σ(P ⊙ g·Vᵀ))."""
    probabilities = _probabilities(saved)
    grads = saved.g @ saved.tensor("value").mT
    return probabilities * (grads - (probabilities * grads).sum(-1, keepdim=True))


_ATTENTION = Rule(
    "y = P·V, P = softmax(s·Q·Kᵀ)",
    {"query": "s * dS @ K", "key": "s * T(dS) @ Q", "value": "T(P) @ g", "attn_bias": "dS"},
    {"Q": "query", "K": "key", "V": "value", "s": _scale, "P": _probabilities, "dS": _score_grads},
    {"attn_bias": "M"},
    remark="dS = P·(dP − Σ(P·dP)) entry by entry, with dP = g·Vᵀ: through the softmax back to the scores",
)

ATTENTION = {
    f"_scaled_dot_product_{kind}": _ATTENTION
    for kind in ("flash_attention_for_cpu", "flash_attention", "efficient_attention", "cudnn_attention")
}
