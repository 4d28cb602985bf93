"""What is known of loss functions: their value when nothing is known yet, and their least value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from bptui.debuggee.kept_calls import Edge
from bptui.debuggee.replay import Replay, Step, named

_LOG_SOFTMAX = ("cross_entropy", "nll_loss", "log_softmax")
_BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """A cross entropy in a replay.

    Attributes:
        function: What computes it.
        classes: How many classes it tells apart.
        edge: What comes out; None if it is computed of more than this call.
        count: By how much its value is to be divided, to be that of one example.
        floor: The least value that it can have, of one example.
    """

    function: str
    classes: int
    edge: Edge | None
    count: int
    floor: float

    @property
    def uniform(self) -> float:
        """Its value if all classes are thought equally likely: −log(1/C)."""
        return math.log(self.classes)


def cross_entropy(replay: Replay) -> CrossEntropy | None:
    """The cross entropy with which a replay ends; None if it ends with something else."""
    for wanted in (*_LOG_SOFTMAX, *_BINARY):
        for step in reversed(replay.steps):
            if step.is_last and step.name == wanted:
                return _of(step)
    return None


def _of(step: Step) -> CrossEntropy:
    args, kwargs = step.call.with_parts(step.call.parts)
    given = named(step.call, args, kwargs)
    scores = args[0] if args else kwargs["input"]
    if step.name == "log_softmax":  # what is made of it, by hand, is not known
        dim = given.get("dim", args[1] if len(args) > 1 else -1)
        return CrossEntropy(step.name, scores.shape[dim], None, 1, 0.0)
    target = given["target"]
    edge = next(iter(step.wanted))
    is_sum = given.get("reduction") == "sum"
    if step.name in _BINARY:
        return CrossEntropy(step.name, 2, edge, target.numel() if is_sum else 1, _entropy([target, 1 - target]))
    classes = scores.shape[1 if scores.dim() > 1 else 0]
    smoothing = given.get("label_smoothing") or 0.0
    if target.is_floating_point():
        dim = 1 if target.dim() > 1 else 0
        likely = list((target.detach() * (1 - smoothing) + smoothing / classes).unbind(dim))
        return CrossEntropy(step.name, classes, edge, target.numel() // classes if is_sum else 1, _entropy(likely))
    least = torch.full((classes,), smoothing / classes, dtype=torch.float64)
    least[0] += 1 - smoothing
    counted = int((target != given.get("ignore_index", -100)).sum())
    return CrossEntropy(step.name, classes, edge, max(counted, 1) if is_sum else 1, _entropy(list(least)))


def _entropy(likely: list[torch.Tensor]) -> float:
    """−Σ p log p over the classes, the mean of it over the examples."""
    return -float(sum(torch.xlogy(each.double(), each.double()) for each in likely).mean())  # type: ignore[union-attr]
