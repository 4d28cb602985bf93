"""Euclidean norms of many tensors at once, of whatever kind each of them is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

_MANY, _SHORT = 8, 8192
"""So many tensors of so few elements are put together: 50 × 64² take 0.26 ms, one by one 0.44 ms."""


def norms(tensors: Sequence[torch.Tensor]) -> list[float | None]:
    """The norm of all elements of each tensor.

    Returns:
        Per tensor its norm: NaN where an element is NaN, infinite where one is infinite and none is NaN; None
            where there are no numbers to look at: meta, fake, of a transform.
    """
    with torch._C.DisableTorchFunction(), without_grad():
        found = _all_at_once(list(tensors))
        if found is None:
            return [_norm(tensor) for tensor in tensors]
        if math.inf in found:  # the square of a large element is infinite in the tensor's own dtype
            pairs = zip(found, tensors, strict=True)
            return [_norm(tensor) if norm == math.inf else norm for norm, tensor in pairs]
        return [*found]


def total(tensors: list[torch.Tensor], numel: int) -> torch.Tensor | float:
    """The norm of all elements of all tensors together, NaN if one has no numbers to look at.

    Args:
        tensors: At least one.
        numel: How many elements they have.

    Returns:
        The norm; a tensor only where it need not be waited for.
    """
    with torch._C.DisableTorchFunction(), without_grad():
        try:
            if not tensors[0].is_cpu and not tensors[0].is_meta:
                each = torch.stack(torch._foreach_norm(tensors))
                together: torch.Tensor = torch.linalg.vector_norm(each, dtype=torch.float64)
                return together
            if len(tensors) >= _MANY and numel <= _SHORT * len(tensors):
                norm = float(torch.linalg.vector_norm(torch._C._nn.flatten_dense_tensors(tensors)))
                if math.isfinite(norm):
                    return norm
        except (RuntimeError, TypeError):  # sparse, quantised, of several devices
            pass
    return math.hypot(*[math.nan if norm is None else norm for norm in norms(tensors)])


class without_grad:  # noqa: N801 - as torch.no_grad, of which entering takes 3 µs
    """Has no graph made of what we compute ourselves."""

    def __enter__(self) -> None:
        self._was = torch.is_grad_enabled()
        torch._C._set_grad_enabled(False)

    def __exit__(self, *error: object) -> None:
        torch._C._set_grad_enabled(self._was)


def _all_at_once(tensors: list[torch.Tensor]) -> list[float] | None:
    if not tensors:
        return []
    try:
        norms = torch._foreach_norm(tensors)
        if norms[0].is_cpu:
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
