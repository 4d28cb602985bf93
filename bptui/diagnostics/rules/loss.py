"""The loss: it leaps, grows, or does not fall."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Mapping
from statistics import fmean, median

from bptui.diagnostics.finding import Hit
from bptui.diagnostics.rule import Hits, Rule, short
from bptui.diagnostics.seen import SampleSeen

FIRST = 10
"""So many first samples say what is large in this training."""


def _spike(limits: Mapping[str, float]) -> Generator[Hits, SampleSeen, None]:
    """After the spike detection of Fabric (≥ 2 × the mean of 10) and Megatron (≥ 10 × the largest of 100)."""
    leap = Leap(limits)
    hits: Hits = None
    while True:
        hits = leap.hits("loss", (yield hits).loss)


class Leap:
    """Whether a number is far beyond all of a window before it, and beyond what was usual at first.

    The second keeps it quiet where the training has come to rest, and all numbers are rounding errors.
    """

    def __init__(self, limits: Mapping[str, float]) -> None:
        self._growth = limits["growth"]
        self._before: deque[float] = deque(maxlen=int(limits["window"]))
        self._first: list[float] = []

    def hits(self, what: str, value: float | None) -> Hits:
        """Judge the next value."""
        if value is None or not math.isfinite(value):
            return None
        is_known = len(self._before) == self._before.maxlen
        limit = max(self._growth * max(self._before), median(self._first)) if is_known else math.inf
        if len(self._first) < FIRST:
            self._first.append(abs(value))
        self._before.append(abs(value))
        if value <= limit:
            return ()
        window = self._before.maxlen
        return [Hit("", value, limit, f"{what} {short(value)}, beyond {short(limit)}, {self._growth:g} × the "
                                      f"largest of {window} samples before")]  # fmt: skip


def _diverging(limits: Mapping[str, float]) -> Generator[Hits, SampleSeen, None]:
    """Mean over a window at least `factor` × the best so far; relative to the start, if `start` is not 0."""
    window: deque[float] = deque(maxlen=int(limits["window"]))
    best = first = math.nan
    hits: Hits = None
    while True:
        loss = (yield hits).loss
        hits = None
        if loss is None or not math.isfinite(loss):
            continue
        window.append(loss)
        if len(window) < (window.maxlen or 0):
            continue
        mean = fmean(window)
        first = mean if math.isnan(first) else first
        best = mean if math.isnan(best) else min(best, mean)
        limit = max(limits["factor"] * best if best > 0 else math.inf, limits["start"] * first)
        said = (
            f"mean loss {short(mean)} over {len(window)} samples, at first {short(first)}, at best {short(best)}"
        )
        hits = [Hit("", mean, limit, f"{said}, limit {short(limit)}")] if mean > limit else ()


def _not_decreasing(limits: Mapping[str, float]) -> Generator[Hits, SampleSeen, None]:
    """A window's mean is not `drop` lower than that of the window before, or of the first one if `start`."""
    length, total, count, before, number = int(limits["window"]), 0.0, 0, math.nan, 0
    hits: Hits = None
    while True:
        loss = (yield hits).loss
        hits = None
        if loss is None or not math.isfinite(loss):
            continue
        total, count = total + loss, count + 1
        if count < length:
            continue
        mean, limit = total / length, before - limits["drop"] * abs(before)
        is_worse = number > 0 and mean > limit
        what = "in the first" if limits["start"] else "in the"
        said = f"mean loss {short(mean)} over {length} samples, {short(before)} {what} {length} before"
        hits = None if not number else [Hit("", mean, limit, f"{said}, limit {short(limit)}")] if is_worse else ()
        before = mean if not number or not limits["start"] else before
        total, count, number = 0.0, 0, number + 1


LOSS = (
    Rule(
        "loss-spike", "samples", _spike,
        "A leap of the loss comes from a bad batch or from too large a step, and may undo what was learnt.",
        "Look at this sample's data and at the update before it; clip the gradient, or lower the learning rate.",
    ),
    Rule(
        "loss-diverging", "samples", _diverging,
        "The loss is higher than it was at the beginning: the updates lead away from the minimum.",
        "Lower the learning rate, clip the gradient, and see that gradients are zeroed and the sign is right.",
    ),
    Rule(
        "loss-not-decreasing", "samples", _not_decreasing,
        "The training goes on, but nothing is learnt any more, or never was.",
        "Try to overfit one batch; then look for gradients that vanish, a wrong target, a learning rate far off.",
    ),
)  # fmt: skip
