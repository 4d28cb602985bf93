"""What is wrong with a training though no recorded number shows it: told once, and once more when it is over."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any

import torch

from bptui.debuggee.names import Names
from bptui.debuggee.norms import norms
from bptui.debuggee.updates import fingerprint
from bptui.protocol import Message, Noticed
from bptui.records import Parameter

LOOKS = 3
"""Samples in which a parameter may get no gradient before that is told: a network may have its turn later."""

SOUND = 10
"""Updates in a row, each after a backward pass, until those without one are taken to be over."""

MOST = 1000
"""Parameters that are named at most."""

_NO_GRAPH = "does not require grad and does not have a grad_fn"
"""PyTorch's own words when backward() is called on such a tensor."""


class Noticing:
    """Looks at the samples that it is told of: those that are traced or measured."""

    def __init__(self, say: Callable[[Message], None], steps: Callable[[], int]) -> None:
        """Know nothing yet.

        Args:
            say: Takes what is noticed.
            steps: How many samples are complete.
        """
        self._say, self._steps = say, steps
        self._told: dict[str, tuple[str, ...]] = {}
        self._passed: set[int] = set()
        self._held: dict[int, torch.Tensor] = {}
        self._is_updated: bool | None = None
        self._is_looking = False
        self._weights: dict[int, Any] = {}
        self._before: tuple[int, dict[int, Any]] = -1, {}
        self._parameters: tuple[Parameter, ...] = ()
        self._reached: set[int] = set()
        self._looks = 0
        self._sound = 0
        self._optimizers: dict[int, tuple[weakref.ref[Any], tuple[int, ...]]] = {}

    def begin(self, is_updated: bool | None = None) -> None:
        """A sample begins.

        Args:
            is_updated: Whether the one before ended with an update; None to find out, if that was looked at, too.
        """
        self._passed, self._held, self._weights = set(), {}, {}
        self._is_updated, self._is_looking = is_updated, True

    def backward(self, leaves: Sequence[torch.Tensor]) -> None:
        """A backward pass of the sample, which reaches these leaves, is about to begin."""
        reached = {id(leaf): leaf for leaf in leaves}
        again = [leaf for key, leaf in self._held.items() if key in reached]
        zeroed = {*map(id, again)} - {*map(id, _with_grad(again))}  # since an earlier pass, which was for others
        new = [leaf for key, leaf in reached.items() if key not in self._passed]
        self._held = {key: leaf for key, leaf in self._held.items() if key not in zeroed}
        held = _with_grad(new)
        self._held |= {id(leaf): leaf for leaf in held}
        self._weights |= {id(leaf): fingerprint(leaf) for leaf in held}
        self._passed.update(reached)

    def complete(self, parameters: tuple[Parameter, ...], tensors: Sequence[torch.Tensor]) -> None:
        """The sample is complete; these are the parameters that the training has."""
        if parameters is not self._parameters:
            self._parameters, self._reached, self._looks = parameters, set(), 0
        self._looks += 1
        self._is_looking = False
        self._reached |= self._passed
        self._note_grads(tensors)
        named = [(each, id(tensor)) for each, tensor in zip(parameters, tensors, strict=True)]
        self._tell("frozen-parameter", (each.name for each, _ in named if each.is_frozen))
        if self._looks >= LOOKS:
            missing = (each.name for each, key in named if not each.is_frozen and key not in self._reached)
            self._tell("parameter-without-gradient", missing)
        if (summed := self._summed()) is not None:
            self._tell("gradient-not-zeroed", (each.name for each, key in named if key in summed))

    def _summed(self) -> set[int] | None:
        """Whose gradient was still that of an update before when another was added; None if nobody knows."""
        step, before = self._before
        weights = {key: self._weights[key] for key in self._held}
        self._before = self._steps(), weights
        if not weights:
            return set()
        if self._is_updated is False or (self._is_updated is None and step + 1 != self._steps()):
            return None  # of a micro-batch it is meant to be so
        # Others may have a gradient that nobody uses, of an optimizer that has only a part of the parameters.
        changed = {key for key, now in weights.items() if key in before and before[key] != now}
        return changed if changed or (self._is_updated and weights.keys() <= before.keys()) else None

    def updated(self, optimizer: Any, runs: int) -> None:
        """An optimizer has made a step, after so many runs of the engine in all."""
        tensors = (
            [each for group in optimizer.param_groups for each in group["params"]] if self._is_looking else []
        )
        self._note_grads(tensors)  # which may be zeroed next
        first = next((each for group in optimizer.param_groups for each in group["params"]), None)
        with torch._C.DisableTorchFunction():
            grad = None if first is None else first.grad
        state = (runs, id(grad), grad._version if grad is not None else 0)
        known, before = self._optimizers.get(id(optimizer), (None, ()))
        is_again = known is not None and known() is optimizer and before == state
        if known is None or known() is not optimizer:
            known = weakref.ref(optimizer)
        self._optimizers[id(optimizer)] = known, state
        self._sound = 0 if is_again else self._sound + 1
        if is_again or self._sound == SOUND:
            self._tell("update-without-backward", [type(optimizer).__name__] * is_again)

    def _note_grads(self, tensors: Iterable[torch.Tensor]) -> None:
        """Those that have a gradient were reached: also in a backward pass within another, as of checkpoints."""
        with torch._C.DisableTorchFunction():
            self._reached.update([id(each) for each in tensors if each.grad is not None])

    def failed(self, error: BaseException) -> None:
        """An exception ends the training."""
        if isinstance(error, RuntimeError) and _NO_GRAPH in str(error):
            frames = []
            link = error.__traceback__
            while link is not None:
                frames.append(link.tb_frame)
                link = link.tb_next
            self.detached(reversed(frames))

    def detached(self, frames: Iterable[FrameType]) -> None:
        """backward() is called on a tensor without a graph, in these frames."""
        tensors = (held for _, held in Names(frames).all() if isinstance(held, torch.Tensor))
        has_parameter = any(each.requires_grad and each.is_leaf for each in tensors)
        self._tell("loss-detached" if has_parameter else "requires-grad-missing", ["loss"])

    def _tell(self, about: str, subjects: Iterable[str]) -> None:
        names = tuple([name or "?" for name in subjects][:MOST])
        if names != self._told.get(about, ()):
            self._told[about] = names
            self._say(Noticed(self._steps(), about, names))


def _with_grad(leaves: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Those whose .grad is not zero."""
    with torch._C.DisableTorchFunction():
        pairs = [(leaf, grad) for leaf in leaves if (grad := leaf.grad) is not None]
    found = norms([grad for _, grad in pairs]) if pairs else ()
    return [leaf for (leaf, _), norm in zip(pairs, found, strict=True) if norm]
