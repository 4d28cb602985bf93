"""Euclidean norms of many tensors at once, of whatever kind each of them is."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from itertools import accumulate, chain, islice
from typing import Any, NamedTuple

import numpy as np
import torch

_FEW = 1 << 15
"""So few elements are put together: 6 tensors of 200 take 7 µs, one by one 15 µs. More, torch puts together in
threads, and then waits for the slowest processor."""

_LITTLE = 1 << 12
"""Tensors of so few elements are put together beside large ones, too: a call costs more than they do."""

_PRODUCT = 1 << 18
"""A product of so many float32 that are all alike is right to 1e-5, of others to 1e-7."""

_DTYPES = frozenset({torch.float32, torch.float64})
_dtype, _shape = operator.attrgetter("dtype"), operator.attrgetter("shape")

_MANY, _SMALL = 8, 256
"""Of so many tensors, up to so many elements each on average, the norms are of one copy of them all."""

_SQUARED_EXACTLY = {torch.float32, torch.bfloat16, torch.float16}
"""A double has room for the square of any of their numbers."""

_TINY = 1e-16
"""Below, the squares of float32 begin to vanish, and with them the norm of what is not zero."""

_PIECE = 1 << 16
"""The processor adds up so many float32 with an error of 4e-7, a million with 1e-5, 16 million with 8e-4."""


def norms(tensors: Sequence[torch.Tensor]) -> list[float | None]:
    """The norm of all elements of each tensor.

    Returns:
        Per tensor its norm: NaN where an element is NaN, infinite where one is infinite and none is NaN; None
            where there are no numbers to look at: meta, fake, of a transform.
    """
    with torch._C.DisableTorchFunction(), without_grad():
        tensors = list(tensors)
        together = put_together(tensors)
        if together is not None:
            return [*together.norms()]
        found = _all_at_once(tensors)
        if found is None:
            return [_norm(tensor) for tensor in tensors]
        # The square of a large element is infinite in the tensor's own dtype, that of a small one zero.
        return [
            _norm(tensor) if norm == math.inf or norm < _TINY else norm
            for norm, tensor in zip(found, tensors, strict=True)
        ]


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
            # Of less than 32 bits, squares have too few digits; others raise below.
            if _DTYPES.issuperset(map(_dtype, tensors)):
                # vector_norm adds float32 up one by one, and so is wrong in the fifth digit.
                norm = math.sqrt(_squares(tensors, numel))
                if _TINY < norm < math.inf:
                    return norm
        except (RuntimeError, TypeError):  # sparse, quantised, of several devices
            pass
    return math.hypot(*[math.nan if norm is None else norm for norm in norms(tensors)])


def _squares(tensors: list[torch.Tensor], numel: int) -> float:
    """The sum of all squares."""
    if numel <= _FEW:
        return _of_all(tensors)
    groups: list[list[torch.Tensor]] = []
    parts: list[torch.Tensor] = []
    room = 0
    for tensor in tensors:
        count = tensor.numel()
        if count <= _LITTLE:
            if not groups or count > room:
                groups.append([])
                room = _FEW
            groups[-1].append(tensor)
            room -= count
        elif count <= _PRODUCT:
            parts.append(tensor.reshape(-1))
        else:
            parts += torch.split(tensor.reshape(-1), _PRODUCT)
    return sum([*map(_of_all, groups), *[torch.dot(part, part).item() for part in parts]])


def _of_all(tensors: list[torch.Tensor]) -> float:
    part = torch._C._nn.flatten_dense_tensors(tensors)
    return torch.dot(part, part).item()


class without_grad:  # noqa: N801 - as torch.no_grad, of which entering takes 3 µs
    """Has no graph made of what we compute ourselves."""

    def __enter__(self) -> None:
        self._was = torch.is_grad_enabled()
        torch._C._set_grad_enabled(False)

    def __exit__(self, *error: object) -> None:
        torch._C._set_grad_enabled(self._was)


class Together(NamedTuple):
    """Many small tensors in one copy: 10 000 take 6 ms, and their norms 1 ms, which `_foreach_norm` takes 35 for.

    Attributes:
        numbers: All elements, in double precision.
        shapes: The shape of each tensor.
    """

    numbers: np.ndarray[Any, np.dtype[np.float64]]
    shapes: list[torch.Size]

    def norms(self) -> list[float]:
        """The norm of each."""
        starts = [0, *accumulate(map(torch.Size.numel, self.shapes[:-1]))]
        norms: list[float] = np.sqrt(np.add.reduceat(self.numbers * self.numbers, starts)).tolist()
        return norms

    def changes(self, since: Together) -> list[float]:
        """The norm of each one's change; of none, if one of them has another shape since."""
        if self.shapes != since.shapes:
            return []
        with np.errstate(invalid="ignore"):  # of what is infinite
            return Together(self.numbers - since.numbers, self.shapes).norms()


def put_together(tensors: list[torch.Tensor]) -> Together | None:
    """A copy of tensors; None if they are few or large, or of numbers whose squares a double has no room for."""
    with torch._C.DisableTorchFunction(), without_grad():
        if len(tensors) < _MANY or not tensors[0].is_cpu or not _SQUARED_EXACTLY.issuperset(map(_dtype, tensors)):
            return None
        shapes = [*map(_shape, tensors)]
        numels = [*map(torch.Size.numel, shapes)]
        if not 0 < min(numels) <= sum(numels) <= _SMALL * len(tensors):
            return None
        try:
            return Together(torch._C._nn.flatten_dense_tensors(tensors).double().numpy(), shapes)
        except (RuntimeError, TypeError):  # sparse, fake, of several devices
            return None


def _all_at_once(tensors: list[torch.Tensor]) -> list[float] | None:
    if not tensors:
        return []
    try:
        # A norm is of the tensor's own dtype, and bfloat16 has three digits.
        is_short = any(tensor.dtype.itemsize < 4 for tensor in tensors)
        dtype = torch.float32 if is_short else None
        if not tensors[0].is_cpu:
            found: list[float] = torch.stack(torch._foreach_norm(tensors, 2, dtype=dtype)).tolist()
            return found
        pieces = [_pieces(tensor) for tensor in tensors]
        norms = [norm.item() for norm in torch._foreach_norm([*chain(*pieces)], 2, dtype=dtype)]
    except (RuntimeError, TypeError):  # sparse, quantised, float8, meta, of several devices
        return None
    if len(norms) == len(tensors):
        return norms
    rest = iter(norms)
    return [math.hypot(*islice(rest, len(parts))) for parts in pieces]


def _pieces(tensor: torch.Tensor) -> Sequence[torch.Tensor]:
    return (tensor,) if tensor.numel() <= _PIECE else torch.split(tensor.reshape(-1), _PIECE)


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
