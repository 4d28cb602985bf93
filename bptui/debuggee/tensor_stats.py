"""Statistics of a tensor of any size, piece by piece, so that they can be given up between two pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bptui.debuggee.tensor_view import pieces
from bptui.records import TensorSummary


@dataclass
class _Sums:
    """What is known of the elements so far."""

    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    mean: float = 0.0
    spread: float = 0.0  # the sum of squares of the deviations from the mean
    norm: float = 0.0
    zeros: int = 0
    nans: int = 0
    pos_infs: int = 0
    neg_infs: int = 0

    def add(self, piece: torch.Tensor) -> None:
        wide = piece.reshape(-1).double()
        self.zeros += wide.numel() - int(torch.count_nonzero(wide))
        finite = wide
        if not math.isfinite(float(wide.sum())):
            self.nans += int(wide.isnan().sum())
            self.pos_infs += int(torch.isposinf(wide).sum())
            self.neg_infs += int(torch.isneginf(wide).sum())
            finite = wide[torch.isfinite(wide)]
        if finite.numel():
            self._add_finite(finite)

    def _add_finite(self, finite: torch.Tensor) -> None:
        low, high = finite.aminmax()
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))
        self.norm = math.hypot(self.norm, float(torch.linalg.vector_norm(finite)))
        # Chan, Golub, LeVeque 1983: sums of squares of parts put together without cancellation.
        count, mean = finite.numel(), float(finite.mean())
        spread = float(torch.linalg.vector_norm(finite - mean)) ** 2
        both, delta = self.count + count, mean - self.mean
        self.spread += spread + delta * delta * self.count * count / both
        self.mean += delta * count / both
        self.count = both

    def summary(self, shape: tuple[int, ...], dtype: str, device: str) -> TensorSummary:
        if not self.count:
            moments: tuple[float | None, ...] = (None,) * 5
        else:
            moments = self.low, self.high, self.mean, math.sqrt(self.spread / self.count), self.norm
        low, high, mean, std, norm = moments
        return TensorSummary(
            shape, dtype, device, low, high, mean, std, norm,
            self.zeros, self.nans, self.pos_infs, self.neg_infs, (),
        )  # fmt: skip


def count(
    tensor: torch.Tensor, shape: tuple[int, ...], dtype: str, device: str, bins: int
) -> Iterator[tuple[TensorSummary, tuple[int, ...]] | None]:
    """Summary and histogram of a dense tensor of real numbers; None after each piece, until one of them is done.

    The summary comes first, then again together with the histogram.

    Args:
        tensor: The numbers.
        shape: What the summary says of the tensor that they came from.
        dtype: Likewise.
        device: Likewise.
        bins: How many the histogram has.
    """
    sums = _Sums()
    for piece in pieces(tensor):
        sums.add(piece)
        yield None
    summary = sums.summary(shape, dtype, device)
    yield summary, ()
    if not sums.count or bins < 1:
        return
    counts = torch.zeros(bins, dtype=torch.float64, device=tensor.device)
    for piece in pieces(tensor):
        counts += _binned(piece.reshape(-1).double(), bins, sums.low, sums.high)
        yield None
    yield summary, tuple(map(int, counts.tolist()))


def _binned(wide: torch.Tensor, bins: int, low: float, high: float) -> torch.Tensor:
    """How many elements lie in each bin; all in the middle one if they are equal."""
    finite = wide[torch.isfinite(wide)]
    width = (high / 2 - low / 2) * 2 / bins
    if not 0 < width < math.inf:
        at = torch.full_like(finite, bins // 2)
    else:
        at = ((finite - low) / width).clamp_(0, bins - 1)
    return torch.bincount(at.long(), minlength=bins).double()
