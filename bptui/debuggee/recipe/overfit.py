"""Can the network learn two examples by heart?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import torch

from bptui.debuggee.recipe.calm import calm
from bptui.debuggee.recipe.examples import Examples, suppositions
from bptui.debuggee.recipe.fit import Fit, fit
from bptui.debuggee.recipe.losses import cross_entropy
from bptui.debuggee.replay import Replay, gradients
from bptui.explain.text import number
from bptui.records import TrainingCheck

GOOD, BAD = 0.99, 0.9
"""By this part the loss should fall; less than this part is a fault."""

STEPS, SECONDS = 300, 4.0
"""Updates for each learning rate, and CPU for all of them."""

SAME = 1e-4
"""Up to this relative difference two copies of an example are treated alike."""

_NAME: Final = "overfit"


def overfit(replay: Replay) -> TrainingCheck:
    """Train on copies of two of the examples, or on the batch as it is, and look how far the loss falls."""
    data, what = _two(replay)
    known = cross_entropy(replay)
    floor = known.floor if known is not None and known.edge is not None else 0.0
    found = fit(replay, data, 1 - GOOD + GOOD * _floor_part(replay, data, floor), STEPS, SECONDS)
    return _judged(found, floor, what)


def _floor_part(replay: Replay, data: Mapping[int, torch.Tensor], floor: float) -> float:
    if not floor:
        return 0.0
    replay.restore()
    return min(1.0, floor / float(replay.loss_of(replay.run(data, calm)).detach()))


def _two(replay: Replay) -> tuple[dict[int, torch.Tensor], str]:
    """The batch with copies of two examples in every place, and in words what is learned."""
    replay.restore()
    values = replay.run(tweak=calm)
    edges = replay.outputs()
    inputs = list(replay.inputs().values())
    for examples in suppositions(inputs, [values[edge] for edge in edges]):
        if not examples.is_plain and _has_several_kinds(replay):
            continue
        data = {key: examples.two(part) for key, part in replay.others().items()}
        if _are_alike(replay, data, examples):
            return data, "two examples"
    return {}, _BATCH


def _has_several_kinds(replay: Replay) -> bool:
    """Whether there are masks or positions, of whose dimensions one might be taken for that of the examples."""
    return len({(part.shape, part.dtype) for part in replay.entering().values()}) > 1


def _are_alike(replay: Replay, data: Mapping[int, torch.Tensor], examples: Examples) -> bool:
    """Whether copies of the same example come out alike, and are as wrong: else the examples lie elsewhere."""
    replay.restore()
    torch.manual_seed(0)
    values = replay.run(data, calm)
    loss = replay.loss_of(values)
    outputs = [values[edge] for edge in replay.outputs()]
    grads = gradients([loss], [torch.ones_like(loss)], outputs)
    return all(
        _is_close(part.detach(), examples.two(part.detach()))
        for pair in zip(outputs, grads, strict=True)
        for part in pair
    )


def _is_close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() <= SAME * one.abs().max())


def _judged(found: Fit, floor: float, what: str) -> TrainingCheck:
    if not math.isfinite(found.first) or found.first <= floor:
        return TrainingCheck(_NAME, found=f"loss {number(found.first)}", text=_NO_SCALE)
    part = (found.first - found.best) / (found.first - floor)
    updates = "update" if found.steps == 1 else "updates"
    numbers = (
        f"{what}: loss {number(found.first)} → {number(found.best)}, −{_percent(part)}, in {found.steps} "
        f"{updates} (Adam, lr {found.rate:g})"
    )
    limit = f"at least −{100 * GOOD:g} %" + (f" of the way to {number(floor)}" if floor else "")
    if found.best < floor - abs(found.first) * (1 - GOOD):
        return TrainingCheck(_NAME, None, numbers, limit, _BELOW)
    if part >= GOOD:
        return TrainingCheck(_NAME, True, numbers, limit, f"It can learn {what} by heart.")
    if found.is_falling:
        why = f"The {SECONDS:.0f} s of CPU were over before it came to rest: no more can be said."
        return TrainingCheck(_NAME, None, numbers, limit, why)
    if part >= BAD or what == _BATCH:
        return TrainingCheck(_NAME, None, numbers, limit, _NOT_ALL if part >= BAD else _NOT_TWO)
    return TrainingCheck(_NAME, False, numbers, limit, _WRONG)


def _percent(part: float) -> str:
    return f"{math.floor(1000 * part) / 10:g} %".replace("-", "−")


_BATCH = "the batch at hand"
_NO_SCALE = "A loss that is not finite, or not above its least value, says nothing of how much is learned."
_BELOW = "The loss falls below 0: of one without a least value can not be said when all is learned."
_NOT_ALL = "Nearly all is learned: the rest may be regularisation, noise, or examples that can not be told apart."
_NOT_TWO = (
    "Which dimension counts the examples is not known, so all of them were to be learned, for which the network "
    "may be too small."
)
_WRONG = (
    "A network that can not learn two examples has a fault: outputs that are cut off or detached, shapes that "
    "broadcast in the loss, targets that do not belong to the inputs."
)
