"""Weight, gradient and update of each parameter, at the samples where that is due."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from types import FrameType
from typing import Any, NamedTuple

import torch

from bptui.debuggee.norms import Together, norms, put_together
from bptui.debuggee.parameter_table import ParameterTable
from bptui.debuggee.uncollected import uncollected
from bptui.protocol import ABSENT
from bptui.records import Parameter

BYTES_PER_SECOND = 1 << 15
"""Of statistics that nobody waits for, so many bytes go into the recording: 120 MB an hour."""

LARGEST_COPY = 1 << 28
"""Weights of so many bytes are copied to measure their update; of more, the update is not known."""


class Measured(NamedTuple):
    """The statistics of one sample.

    Attributes:
        parameters: Of which parameters.
        numbers: Per parameter the norms of weight, gradient and update, or `ABSENT`.
        is_due: Whether they are to be kept also if the training does not stop here.
    """

    parameters: tuple[Parameter, ...]
    numbers: array[float]
    is_due: bool


class ParameterStatistics:
    """Measures a sample from before its first backward pass until after its update.

    Attributes:
        is_measuring: Whether the sample at hand is measured; only then is more said of it.
    """

    def __init__(self) -> None:
        self._table = ParameterTable()
        self.is_measuring = False
        self._ended = self._cost = self._slow = 0.0
        self._spent = 0.0
        self._is_due = False
        self._reached: dict[int, torch.Tensor] = {}
        self._grads: dict[int, float | None] = {}
        self._used: set[int] = set()
        self._before: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._together: list[tuple[list[torch.Tensor], Together]] = []
        self._copied: set[int] = set()
        self._size = 0

    @property
    def tensors(self) -> list[torch.Tensor]:
        """The parameters, in the order in which they are measured."""
        return self._table.tensors

    def is_due(self, share: float) -> bool:
        """Whether the last ones are paid for.

        Args:
            share: Of the running time, at most so much goes into statistics that nobody waits for.
        """
        now = time.perf_counter()
        return now >= self._slow and share > 0 and now >= self._ended + self._cost / share

    def spend(self, seconds: float) -> None:
        """So long somebody else has worked for the sample that is, or was, measured."""
        self._spent += seconds
        if self._is_due and not self.is_measuring:
            self._cost += seconds

    def begin(self, leaves: Sequence[torch.Tensor], is_due: bool, *frames: FrameType) -> None:
        """A sample is to be measured: its first backward pass, which reaches these leaves, is about to begin."""
        self.is_measuring, self._is_due, self._spent = True, is_due, 0.0
        self._reached, self._grads, self._used = {}, {}, set()
        self._before, self._together, self._copied, self._size = {}, [], set(), 0
        self.widen(leaves, *frames)

    @uncollected()
    def widen(self, leaves: Sequence[torch.Tensor], *frames: FrameType) -> None:
        """A further backward pass of the sample is about to begin."""
        began = time.perf_counter()
        self._table.reach(leaves, *frames)
        self._reached |= {id(leaf): leaf for leaf in leaves}
        self._copy([each for each in self._table.updatable if id(each) not in self._copied])
        self._spent += time.perf_counter() - began

    @uncollected()
    def note_grads(self) -> None:
        """A backward pass has come to its end: the gradients are those of the update, unless they are changed."""
        self._note([leaf for key, leaf in self._reached.items() if key not in self._used])

    @uncollected()
    def before_update(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer is about to use its gradients, which may have been clipped, or scaled back."""
        own = [leaf for leaf in _parameters_of(optimizer) if id(leaf) in self._reached]
        self._used.difference_update(map(id, own))
        self._note(own)

    @uncollected()
    def after_update(self, optimizer: torch.optim.Optimizer) -> None:
        """It has used them: what is added to them from now on is not of this update."""
        self._used.update(map(id, _parameters_of(optimizer)))

    @uncollected()
    def finish(self) -> Measured:
        """The sample that was measured is complete."""
        began = time.perf_counter()
        self.is_measuring = False
        tensors = self._table.tensors
        ids, together = [*map(id, tensors)], put_together(tensors)
        updates = self._updates(ids, together)
        numbers = array("d", bytes(24 * len(tensors)))
        numbers[0::3] = _as_numbers(together.norms() if together else norms(tensors))
        numbers[1::3] = _as_numbers([*map(self._grads.get, ids)])
        numbers[2::3] = _as_numbers([*map(updates.get, ids)])
        self._before, self._together = {}, []
        if self._is_due:
            self._pay(began, len(numbers) * 8)
        return Measured(self._table.parameters, numbers, self._is_due)

    def _pay(self, began: float, count: int) -> None:
        self._ended = time.perf_counter()
        self._cost = self._spent + self._ended - began
        self._slow = self._ended + count / BYTES_PER_SECOND

    def _note(self, leaves: Sequence[torch.Tensor]) -> None:
        began = time.perf_counter()
        with torch._C.DisableTorchFunction():
            pairs = [(id(leaf), grad) for leaf in leaves if (grad := leaf.grad) is not None]
        found = norms([grad for _, grad in pairs])
        self._grads |= {key: norm for (key, _), norm in zip(pairs, found, strict=True)}
        self._spent += time.perf_counter() - began

    def _copy(self, tensors: list[torch.Tensor]) -> None:
        with torch._C.DisableTorchFunction():
            size = sum([each.nbytes for each in tensors])
        if self._size + size > LARGEST_COPY:
            return
        self._size += size
        self._copied.update(map(id, tensors))
        together = put_together(tensors)
        if together is not None:
            self._together.append((tensors, together))
        else:
            with torch.no_grad(), torch._C.DisableTorchFunction():
                self._before |= {id(each): (each, each.clone()) for each in tensors}

    def _updates(self, ids: list[int], together: Together | None) -> dict[int, float | None]:
        with torch.no_grad(), torch._C.DisableTorchFunction():
            pairs = {key: pair for key, pair in self._before.items() if _are_alike(*pair)}
            changes = [before for _, before in pairs.values()]
            if changes:
                torch._foreach_sub_(changes, [now.detach() for now, _ in pairs.values()])
            updates = dict(zip(pairs, norms(changes), strict=True))
        for copied, before in self._together:
            # All of them are together already, unless some are frozen.
            now = together if [*map(id, copied)] == ids else put_together(copied)
            updates |= zip(map(id, copied), now.changes(before) if now else (), strict=False)
        return updates


def _are_alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and one.device == other.device


def _parameters_of(optimizer: Any) -> list[torch.Tensor]:
    return [each for group in optimizer.param_groups for each in group["params"]]


def _as_numbers(values: Sequence[float | None]) -> array[float]:
    return array("d", [ABSENT if value is None else value for value in values])
