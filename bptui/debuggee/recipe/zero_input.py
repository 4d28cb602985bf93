"""Does the network do better with its inputs than without?"""

from __future__ import annotations

import math
from typing import Final

import torch

from bptui.debuggee.recipe.fit import Fit, fit
from bptui.debuggee.replay import Replay
from bptui.explain.text import number
from bptui.records import TrainingCheck

GOOD, BAD = 0.9, 0.99
"""The loss with inputs should be at most this part of that without; more than this part is a fault."""

LEARNED = 0.01
"""A loss that falls to this part of what it was is learned by heart."""

STEPS, SECONDS = 100, 2.0
"""Updates for each learning rate, and CPU for all of them, with and without inputs."""

_NAME: Final = "zero input"


def zero_input(replay: Replay) -> TrainingCheck:
    """Train shortly on the batch at hand and on the same without its inputs; compare the losses."""
    blank, what = _blank(replay)
    if not blank:
        return TrainingCheck(_NAME, text="Nothing goes into the network that could be set to zero.")
    real, without = (fit(replay, data, LEARNED, STEPS, SECONDS) for data in ({}, blank))
    return _judged(real, without, what)


def _blank(replay: Replay) -> tuple[dict[int, torch.Tensor], str]:
    """Inputs that tell nothing: zeros, or the same token everywhere."""
    inputs = replay.inputs()
    floating = {key: torch.zeros_like(part) for key, part in inputs.items() if part.is_floating_point()}
    tokens = {id(part): part for step in replay.steps if step.name == "embedding" for part in step.data.values()
              if id(part) in inputs}  # fmt: skip
    if not tokens:
        return floating, "zeros"
    # The largest: positions are the same for all examples, and stay.
    size = max(part.numel() for part in tokens.values())
    same = {
        key: torch.full_like(part, int(part.reshape(-1)[0]))
        for key, part in tokens.items()
        if part.numel() == size
    }
    return floating | same, "one token everywhere"


def _judged(real: Fit, without: Fit, what: str) -> TrainingCheck:
    numbers = (
        f"loss {number(real.first)} → {number(real.best)} with the inputs, {number(without.first)} → "
        f"{number(without.best)} with {what}"
    )
    limit = f"with inputs at most ×{GOOD:g}"
    if not all(math.isfinite(each) and each > 0 for each in (real.first, real.best, without.best)):
        if math.isfinite(real.best) and 0 <= real.best < without.best:
            return TrainingCheck(_NAME, True, numbers, limit, _RIGHT)
        return TrainingCheck(_NAME, None, numbers, limit, _NO_SCALE)
    if max(real.best, without.best) <= LEARNED * real.first:
        return TrainingCheck(_NAME, None, numbers, limit, _EASY)
    if real.best <= GOOD * without.best:
        return TrainingCheck(_NAME, True, numbers, limit, _RIGHT)
    if real.is_falling or real.best < BAD * without.best:
        return TrainingCheck(_NAME, None, numbers, limit, _UNDECIDED)
    return TrainingCheck(_NAME, False, numbers, limit, _WRONG)


_RIGHT = "What it learns of this batch comes from the inputs."
_NO_SCALE = "Losses that are not finite, or not above 0, can not be compared."
_EASY = "The targets of this batch can be learned without its inputs: try a sample with several of them."
_UNDECIDED = "It does hardly better with the inputs than without, after the few updates for which there was time."
_WRONG = (
    "It does no better with its inputs than without: they do not get through. Look for a layer that is skipped, "
    "units that are dead, inputs that were overwritten or scaled to nothing."
)
