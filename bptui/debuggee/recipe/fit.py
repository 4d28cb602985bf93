"""A short training of the parameters on the data of one sample, with an optimizer of our own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from time import process_time

import torch

from bptui.debuggee.recipe.calm import calm
from bptui.debuggee.replay import Replay, gradients

RATES = (1e-2, 1e-1, 1e-3)
"""Learning rates of Adam: that of the training itself is not what is checked here."""

TRIAL = 6
"""Updates with each, to see which does best at first."""

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Adam's, as in the paper: Kingma and Ba, arXiv:1412.6980, algorithm 1."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What came of it.

    Attributes:
        first: The loss before.
        best: The smallest loss there was.
        rate: The learning rate with which that came.
        steps: After how many updates.
        is_falling: Whether time was up while it still fell.
    """

    first: float
    best: float
    rate: float
    steps: int
    is_falling: bool


def fit(replay: Replay, data: Mapping[int, torch.Tensor], goal: float, steps: int, seconds: float) -> Fit:
    """Train until the loss is at a goal, with each learning rate in turn, that first which does best at first.

    Args:
        replay: Gives the loss.
        data: What takes the place of the sample's own data.
        goal: The part of the first loss at which it is done.
        steps: How many updates at most, for each learning rate.
        seconds: Of CPU, for all of them together.
    """
    now = process_time()
    trials = [
        _fit(replay, data, goal, rate, TRIAL, now + seconds * done / 6) for done, rate in enumerate(RATES, 1)
    ]
    fits = []
    for trial in sorted(trials, key=lambda each: each.best):
        fits.append(_fit(replay, data, goal, trial.rate, steps, now + seconds))
        if fits[-1].best <= goal * fits[-1].first or process_time() > now + seconds:
            break
    return min(fits, key=lambda each: each.best)


def _fit(
    replay: Replay, data: Mapping[int, torch.Tensor], goal: float, rate: float, steps: int, end: float
) -> Fit:
    torch.manual_seed(0)
    replay.restore()
    adam, losses = _Adam(replay.leaves, rate), list[float]()
    while True:
        loss = replay.loss_of(replay.run(data, calm))
        losses.append(float(loss.detach()))
        is_over = not math.isfinite(losses[-1]) or losses[-1] <= goal * losses[0] or len(losses) > steps
        if is_over or process_time() > end:
            break
        adam.step(list(gradients([loss], [torch.ones_like(loss)], replay.leaves)))
    best = min(losses, key=lambda each: each if math.isfinite(each) else math.inf)
    before = min(losses[: len(losses) * 3 // 4 + 1])
    is_falling = not is_over and (best < 0.95 * before or len(losses) < _FEW)
    return Fit(losses[0], best, rate, losses.index(best), is_falling)


_FEW = 20
"""After fewer updates than these nobody can say that it does not fall."""


class _Adam:
    """Not torch's: the first one that is made imports torch._dynamo, for a second or two."""

    def __init__(self, leaves: list[torch.Tensor], rate: float) -> None:
        self._leaves, self._rate, self._count = leaves, rate, 0
        self._means = [torch.zeros_like(leaf.detach()) for leaf in leaves]
        self._squares = [torch.zeros_like(mean) for mean in self._means]

    @torch.no_grad()
    def step(self, grads: list[torch.Tensor]) -> None:
        self._count += 1
        first, second = BETAS
        corrected = self._rate / (1 - first**self._count)
        for leaf, grad, mean, square in zip(self._leaves, grads, self._means, self._squares, strict=True):
            mean.lerp_(grad, 1 - first)
            square.mul_(second).addcmul_(grad, grad, value=1 - second)
            size = (square / (1 - second**self._count)).sqrt_().add_(EPSILON)
            leaf.addcdiv_(mean, size, value=-corrected)
