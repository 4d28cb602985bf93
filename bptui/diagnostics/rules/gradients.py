"""Gradients that vanish or explode."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping

from bptui.diagnostics.finding import Hit
from bptui.diagnostics.rule import Hits, Rule, each, short
from bptui.diagnostics.rules.loss import Leap
from bptui.diagnostics.seen import ParameterSeen, ParametersSeen, SampleSeen


def _vanishing(seen: ParametersSeen, limits: Mapping[str, float]) -> Hits:
    """‖grad‖/‖w‖ far below the largest of all parameters, or the root mean square of the gradient below a number.

    smdebug and MindSpore take the mean of the absolute values, which is never larger than the root mean square.
    """
    pulls = [pull for each in seen.parameters if (pull := each.pull) is not None and math.isfinite(pull)]
    share = limits["share"] * max(pulls, default=0.0)
    return [hit for each in seen.parameters if (hit := _small(each, share, limits["rms"]))]


def _small(seen: ParameterSeen, share: float, least: float) -> Hit | None:
    pull, rms = seen.pull, seen.grad_rms
    if not seen.is_matrix or rms is None:
        return None
    if pull is not None and pull < share:
        return Hit(seen.name, pull, share, f"‖grad‖/‖w‖ is {short(pull)}, below {short(share)}, a share of the "
                                           "largest")  # fmt: skip
    return Hit(seen.name, rms, least, f"rms gradient {short(rms)}, below {short(least)}") if rms < least else None


def _exploding(limits: Mapping[str, float]) -> Generator[Hits, SampleSeen, None]:
    leap = Leap(limits)
    hits: Hits = None
    while True:
        grad = (yield hits).grad
        hits = leap.hits("‖grad‖", None if grad is None else abs(grad))
        if grad is not None and math.inf > abs(grad) > limits["norm"]:
            hits = [
                Hit("", abs(grad), limits["norm"], f"‖grad‖ {short(abs(grad))}, above {short(limits['norm'])}")
            ]


GRADIENTS = (
    Rule(
        "vanishing-gradient", "parameters", each(_vanishing),
        "Next to nothing of the loss's gradient arrives here, so this layer does not learn while others do.",
        "Take ReLU with residual connections, a normalisation or another initialisation; look in Flow where it is "
        "lost, and for units that are dead.",
    ),
    Rule(
        "exploding-gradient", "samples", _exploding,
        "One update with such a gradient throws the weights far off.",
        "Clip the gradient (torch.nn.utils.clip_grad_norm_), lower the learning rate, and look at this batch.",
    ),
)  # fmt: skip
