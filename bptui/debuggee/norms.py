"""Euclidean norms of many tensors at once, of whatever kind each of them is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch


@torch.no_grad()
def norms(tensors: Sequence[torch.Tensor]) -> list[float | None]:
    """The norm of all elements of each tensor.

    Returns:
        Per tensor its norm: NaN where an element is NaN, infinite where one is infinite and none is NaN; None
            where there are no numbers to look at: meta, fake, of a transform.
    """
    with torch._C.DisableTorchFunction():
        found = _all_at_once([tensor.detach() for tensor in tensors])
        if found is None:
            return [_norm(tensor) for tensor in tensors]
        # The square of a large element is infinite in the tensor's own dtype.
        return [
            norm if math.isfinite(norm) else _norm(tensor) for norm, tensor in zip(found, tensors, strict=True)
        ]


def _all_at_once(tensors: list[torch.Tensor]) -> list[float] | None:
    if not tensors:
        return []
    try:
        norms = torch._foreach_norm(tensors)
        if all(norm.is_cpu for norm in norms):
            return [norm.item() for norm in norms]  # stacking them takes three times as long
        found: list[float] = torch.stack(norms).tolist()
    except (RuntimeError, TypeError):  # sparse, quantised, float8, meta, of several devices
        return None
    return found


def _norm(tensor: torch.Tensor) -> float | None:
    try:
        norm = float(torch.linalg.vector_norm(_plain(tensor.detach()), dtype=torch.float64))
    except (RuntimeError, TypeError):
        return None
    return norm


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """The same magnitudes, and zeros left out of a sparse tensor, in a dtype that has a norm."""
    if tensor.layout == torch.sparse_coo:
        tensor = tensor.coalesce().values()
    elif tensor.layout in (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc):
        tensor = tensor.values()
    elif tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        return tensor.dequantize()
    if tensor.is_complex():
        return torch.view_as_real(tensor.resolve_conj())
    return tensor if tensor.is_floating_point() and tensor.dtype.itemsize > 1 else tensor.double()
