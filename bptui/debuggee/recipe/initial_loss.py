"""Is the loss, before anything is learned, that of an even guess?"""

from __future__ import annotations

import math
from typing import Final

from bptui.debuggee.recipe.losses import CrossEntropy, cross_entropy
from bptui.debuggee.replay import EXACT, Replay
from bptui.explain.text import number
from bptui.records import TrainingCheck

FACTOR = 1.5
"""So many times as large as an even guess's a loss may be, or as small a part of it."""

_NAME: Final = "initial loss"


def initial_loss(replay: Replay, sample: int, first: float | None) -> TrainingCheck:
    """Compare the loss of the first sample with −log(1/C).

    Args:
        replay: Of the sample at hand.
        sample: How many samples were complete before it.
        first: The loss of the first sample of all; None if it is not known.
    """
    found = cross_entropy(replay)
    if found is None:
        return TrainingCheck(
            _NAME,
            text="The loss is no cross entropy that is known: what it should be at first can not be said.",
        )
    loss = _at_first(replay, found, sample, first)
    if loss is None:
        return TrainingCheck(
            _NAME,
            limit=_limit(found),
            text="Only the loss of the first sample tells how the weights begin, and it is not known apart from "
            "what else is in the loss: ask after the first sample.",
        )
    return _judged(loss, found)


def _at_first(replay: Replay, found: CrossEntropy, sample: int, first: float | None) -> float | None:
    """The cross entropy of the first sample."""
    replay.restore()
    values = replay.run(is_same=True)
    whole = float(replay.loss_of(values).detach())
    part = whole if found.edge is None else float(values[found.edge].detach().double().mean())
    if not sample:
        return part / found.count
    if first is None or not abs(whole - part) <= EXACT * abs(part):
        return None
    return first / found.count


def _limit(found: CrossEntropy) -> str:
    return f"−log(1/{found.classes}) = {number(found.uniform)}, at most ×{FACTOR} or /{FACTOR}"


def _judged(loss: float, found: CrossEntropy) -> TrainingCheck:
    numbers = f"loss of the first sample {number(loss)}"
    limit = _limit(found)
    if not math.isfinite(loss) or loss > FACTOR * found.uniform:
        why = (
            "It begins surer of wrong classes than an even guess: make the last layer's weights smaller, set its "
            "biases to 0, scale the inputs."
        )
        return TrainingCheck(_NAME, False, numbers, limit, why)
    if loss < found.uniform / FACTOR:
        why = (
            "It begins better than an even guess: fine if the weights were trained before or one class is far "
            "more frequent; else look whether the labels are among the inputs."
        )
        return TrainingCheck(_NAME, False, numbers, limit, why)
    return TrainingCheck(_NAME, True, numbers, limit, "It begins as an even guess over the classes does.")
