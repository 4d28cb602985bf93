"""Does an example's output depend on other examples of its batch?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch

from bptui.debuggee.kept_calls import Edge, NotKept
from bptui.debuggee.recipe.calm import alone, calm, normalises
from bptui.debuggee.recipe.examples import Examples, suppositions
from bptui.debuggee.replay import Replay, Tweak, gradients
from bptui.explain.text import number
from bptui.records import TrainingCheck

_NAME: Final = "batch leak"


@dataclass(frozen=True, slots=True)
class Leak:
    """The gradient of one example's output on the inputs.

    Attributes:
        of: The example.
        own: The norm of the gradient on its own input.
        to: The other example on whose input it is largest.
        other: Its norm there.
    """

    of: int
    own: float
    to: int
    other: float


def batch_leak(replay: Replay) -> TrainingCheck:
    """Send a gradient back from one example's outputs: it must reach no other example's inputs."""
    inputs = list(replay.inputs().values())
    replay.restore()
    values = replay.run(tweak=calm)
    supposed = list(suppositions(inputs, [values[edge] for edge in replay.outputs()]))
    if not supposed:
        return TrainingCheck(_NAME, text=_ONE if _is_one(inputs) else _UNKNOWN)
    has_norms = any(normalises(step.call, *step.call.with_parts(step.call.parts)) for step in replay.steps)
    ways: tuple[tuple[Tweak, str], ...] = ((calm, ""), (alone, _NORM)) if has_norms else ((calm, ""),)
    leaks: dict[int, Leak] = {}
    for tweak, remark in ways:
        for examples in supposed:
            leak = _largest(replay, examples, tweak)
            if leak is None:
                return TrainingCheck(_NAME, text="No gradient comes from the outputs to the inputs.")
            if not leak.other:
                return _without(examples, leak, remark, bool(leaks) and not remark)
            leaks.setdefault(examples.dim, leak)
    return _with(supposed, leaks, has_norms)


def _is_one(inputs: Sequence[torch.Tensor]) -> bool:
    return bool(inputs) and all(part.shape[0] == 1 for part in inputs)


def _largest(replay: Replay, examples: Examples, tweak: Tweak) -> Leak | None:
    """The largest leak from some of the examples; None if no gradient comes to any input."""
    asked = sorted({0, examples.count // 2, examples.count - 1})
    leaks = [leak for leak in _leaks(replay, examples, tweak, asked) if leak.own or leak.other]
    if not all(math.isfinite(leak.own) and math.isfinite(leak.other) for leak in leaks):
        raise NotKept("the gradient that comes to the inputs is not finite")
    return max(leaks, key=lambda leak: leak.other, default=None)


def _leaks(replay: Replay, examples: Examples, tweak: Tweak, asked: Sequence[int]) -> Iterator[Leak]:
    replay.restore()
    torch.manual_seed(0)
    inputs = _of_examples(replay, examples)
    floating = {
        key: part.detach().clone().requires_grad_() for key, part in inputs.items() if part.is_floating_point()
    }
    values = replay.run(floating, tweak)
    points = [*floating.values(), *(values[edge] for edge in _embedded(replay, inputs))]
    outputs = [values[edge] for edge in replay.outputs()]
    placed = [(point, found) for point in points if (found := examples.within(point.shape)) is not None]
    for of in asked:
        weights = [_weights(output, examples, of) for output in outputs]
        grads = gradients(outputs, weights, [point for point, _ in placed])
        norms = torch.zeros(examples.count, dtype=torch.float64)
        for grad, (_, (dim, example)) in zip(grads, placed, strict=True):
            rows = grad.detach().double().movedim(dim, 0).reshape(len(example), -1).square().sum(1).cpu()
            norms.index_add_(0, example, rows)
        own = float(norms[of].sqrt())
        norms[of] = 0
        to = int(norms.argmax())
        yield Leak(of, own, to, float(norms[to].sqrt()))


def _of_examples(replay: Replay, examples: Examples) -> dict[int, torch.Tensor]:
    """The inputs that hold examples: not positions, of which there may be as many."""
    inputs = replay.inputs()
    most = max(part.dim() for part in inputs.values())
    return {
        key: part
        for key, part in inputs.items()
        if part.dim() > examples.dim
        and part.shape[examples.dim] == examples.count
        and (part.dim() > 1 or most == 1 or examples.is_plain)
    }


def _embedded(replay: Replay, inputs: Mapping[int, torch.Tensor]) -> list[Edge]:
    """What the tokens among the inputs are turned into, which has a gradient in their place."""
    return [
        edge
        for step in replay.steps
        if any(id(part) in inputs and not part.is_floating_point() for part in step.data.values())
        for edge in step.wanted
    ]


def _weights(output: torch.Tensor, examples: Examples, of: int) -> torch.Tensor:
    """Random weights for the outputs of an example: with equal ones the gradient of a softmax is 0."""
    found = examples.within(output.shape)
    assert found is not None  # as that was supposed
    dim, example = found
    mask = (example == of).to(output.device, output.dtype)
    shape = [1] * output.dim()
    shape[dim] = -1
    return torch.rand_like(output) * mask.reshape(shape)


def _without(examples: Examples, leak: Leak, remark: str, is_other: bool) -> TrainingCheck:
    found = f"∂ output of example {leak.of} on its own input {number(leak.own)}, on the other examples' 0"
    if is_other:
        return TrainingCheck(_NAME, None, found, "0 on the others", _SEQUENCE.format(dim=examples.dim))
    return TrainingCheck(_NAME, True, found, "0 on the others", remark + _RIGHT.format(n=examples.count))


def _with(supposed: Sequence[Examples], leaks: dict[int, Leak], has_norms: bool) -> TrainingCheck:
    exact = [each for each in supposed if each.is_exact]
    leak = leaks[supposed[0].dim]
    found = (
        f"∂ output of example {leak.of} on its own input {number(leak.own)}, on that of example {leak.to} "
        f"{number(leak.other)}"
    )
    if len(exact) != 1 or exact[0].dim:
        return TrainingCheck(_NAME, None, found, "0 on the others", _UNKNOWN)
    why = _EVEN_WITHOUT if has_norms else ""
    return TrainingCheck(_NAME, False, found, "0 on the others", why + _WRONG)


_ONE = "There is one example in the batch: there is nothing that could leak."
_UNKNOWN = "Which dimension counts the examples can not be told from the shapes of inputs and outputs."
_NORM = "BatchNorm mixes the examples, as it is meant to; with its running statistics in their place: "
_RIGHT = "each of the {n} outputs depends on its own example alone."
_SEQUENCE = (
    "Along dimension 0 of the inputs they mix, along dimension {dim} they do not: right if the sequence comes "
    "first; if dimension 0 counts your examples, they leak (MultiheadAttention and RNNs need batch_first=True)."
)
_EVEN_WITHOUT = "Even without BatchNorm's statistics: "
_WRONG = (
    "Examples of a batch mix. Look for view or reshape in place of transpose, a sum, mean or softmax over "
    "dimension 0. Right only for losses and networks that compare examples (contrastive, graph networks)."
)
