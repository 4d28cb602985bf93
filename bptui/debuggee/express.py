"""The short way for samples that are like the one before: of one weight, in the same loop, with no stop near.

A sample of a few numbers takes 30 µs, less than it takes to find out all that could be new about the next. Here it
is only found out that nothing is. What is not as it was is left to `Hooks`, which is handed the sample at hand.
"""

from __future__ import annotations

import inspect
import math
import sys
import time
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

import torch

from bptui.debuggee.epoch_counter import EpochCounter, Steady
from bptui.debuggee.known import ElementReader, Known
from bptui.debuggee.parameters import Parameters, reaches_only
from bptui.debuggee.pending import Pending
from bptui.debuggee.stepper import Stepper
from bptui.debuggee.updates import Updates
from bptui.debuggee.user_loops import Around, UserLoop
from bptui.records import QUANTITIES, Sample

_QUICK = 1e-3
"""Seconds of a sample that is worth it, and whose end nobody misses until the next one's backward pass begins."""

_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

_READ = ("loss", "grad", "weight", "weight_after")
_NUMBERS = 2 + len(QUANTITIES)
_INDEX = 1
_LOSS, _GRAD, _BEFORE, _AFTER = (2 + QUANTITIES.index(name) for name in _READ)


class Kept(NamedTuple):
    """A sample whose iteration is not over yet.

    Attributes:
        around: What stands around its backward pass.
        loss: What that began at; None if it has not been read.
    """

    around: Around
    loss: Known | None


class Express:
    """Takes samples of one weight from backward pass to backward pass.

    Nobody says when an iteration ends: it has by the next one's backward pass; who must know earlier closes this.

    Attributes:
        is_open: Whether samples are taken.
    """

    def __init__(
        self,
        stepper: Stepper,
        parameters: Parameters,
        updates: Updates,
        epochs: EpochCounter,
        losses: ElementReader,
    ) -> None:
        """Take nothing yet.

        Args:
            stepper: Keeps the samples, and knows how many may pass without attention.
            parameters: Knows the weight.
            updates: Counts its updates.
            epochs: Numbers the samples.
            losses: Has read the loss of the sample before.
        """
        self.is_open = False
        self._stepper, self._parameters, self._updates = stepper, parameters, updates
        self._epochs, self._losses = epochs, losses
        self._completed_at = -math.inf
        self._around: Around
        self._calls: list[tuple[CodeType, int]] = []
        self._frame: FrameType
        self._loop: UserLoop
        self._counting: FrameType
        self._epoch: Steady
        self._at = self._layout = self._left = self._taken = self._updated = self._version = 0
        self._weight: torch.Tensor
        self._row = [0.0] * _NUMBERS
        self._has_begun = self._has_sample = False

    def open(self, pending: Pending, sample: Sample, layout: int) -> None:
        """Take the samples after this one, if nothing stands against it.

        Args:
            pending: The last sample, which is complete now.
            sample: Its numbers.
            layout: Their kinds.
        """
        now, before = time.perf_counter(), self._completed_at
        self._completed_at = now
        weight = self._parameters.one
        if now - before > _QUICK or weight is None or not _is_plain(pending, sample):
            return
        place = self._epochs.steady(pending.around)
        if place is None or not (self._updates.is_by_hand and self._updates.found):
            return
        self._epoch, self._left = place, self._stepper.undisturbed()
        if self._left > 0 and sample.index < place.until:
            self._weight, self._layout, self._taken, self._updated = weight, layout, 0, 0
            self._row[:2] = sample.epoch, sample.index
            self._row[_BEFORE], self._version = sample.weight_after.value, weight._version
            self._has_begun = self._has_sample = False
            self._stand_in(pending.around)
            self.is_open = True

    def _stand_in(self, around: Around) -> None:
        site, ((self._frame, self._loop), (self._counting, _)) = around.site, around.loops
        inner = site.loops[0][0]
        self._around, self._at = around, site.instructions[inner]
        self._calls = [*zip(site.codes, site.instructions, strict=True)][:inner]

    def takes(self, outputs: Sequence[Any], frame: FrameType) -> bool:
        """Whether the backward pass that is about to begin is of one more such sample.

        Args:
            outputs: What it begins from.
            frame: What has called for it.
        """
        each: FrameType | None = frame
        for code, instruction in self._calls:
            if each is None or each.f_lasti != instruction or each.f_code is not code:
                return False
            each = each.f_back
        if each is not self._frame or each.f_lasti != self._at:
            return False
        epoch = self._epoch
        number = self._counting.f_locals.get(epoch.variable)
        if len(outputs) != 1 or (number != epoch.number and not self._is_all()):
            return False
        with torch._C.DisableTorchFunction():
            weight = self._parameters.weight_now()
            if weight is None or not reaches_only(outputs[0], self._weight):
                return False
            if self._has_sample:
                self._complete(weight)
            self._row[_BEFORE], self._version = weight, self._weight._version
        self._has_begun = number == epoch.number or self._turns(number)
        return self._has_begun

    def _is_all(self) -> bool:
        """Whether the sample at hand is the last of its epoch."""
        return self._has_sample and self._row[_INDEX] + 2 == self._epoch.samples

    def _turns(self, number: Any) -> bool:
        """Whether the next epoch is like the one that is complete."""
        self._epochs.skip(self._taken)
        self._taken = 0
        epoch = self._epochs.turn(self._around, number)
        if epoch is None:
            return False
        self._epoch, self._row[:2] = epoch, (number, -1)
        return True

    def notes(self, outputs: Sequence[Any]) -> bool:
        """Keep what the backward pass has left; False if the sample is to be looked at more closely.

        Args:
            outputs: What it began from.
        """
        self._left -= 1
        if self._left < 0 or self._row[_INDEX] >= self._epoch.until or self._stepper.is_called():
            return False
        with torch._C.DisableTorchFunction():
            loss, grad = self._losses.number(outputs[0]), self._parameters.grad_now()
        if loss is None or grad is None or loss != loss:
            return False
        self._row[_LOSS], self._row[_GRAD] = loss, grad
        self._has_sample, self._has_begun = True, False
        return True

    def _complete(self, after: float) -> None:
        """The sample at hand is over, and has left the weight so."""
        row = self._row
        row[_AFTER] = after
        row[_INDEX] += 1
        self._updated += after != row[_BEFORE]
        self._taken += 1
        self._has_sample = False
        self._stepper.pass_by(self._layout, row)

    def close(self) -> Kept | None:
        """Take no more.

        Returns:
            The sample at hand if its iteration is not over: its weight and gradient are with `Parameters` again.
        """
        self.is_open = False
        with torch._C.DisableTorchFunction():
            weight = self._parameters.weight_now()
        if self._has_sample and weight is not None and self._is_over():
            self._complete(weight)
            self._row[_BEFORE], self._version = weight, self._weight._version
        self._epochs.skip(self._taken)
        self._updates.settle(self._updated, self._version, self._row[_BEFORE])
        if not (self._has_sample or self._has_begun):
            return None
        self._parameters.take_up(self._row[_BEFORE], self._row[_GRAD] if self._has_sample else None)
        return Kept(self._around, self._losses.known(self._row[_LOSS]) if self._has_sample else None)

    def drop(self) -> None:
        """Take no more, and forget what there was: in a forked child."""
        self.is_open = self._has_sample = False

    def _is_over(self) -> bool:
        """Whether the loop has come to its next iteration, or was left."""
        each: FrameType | None = sys._getframe()
        while each is not None and each is not self._frame:
            each = each.f_back
        is_inside = each is not None and self._loop.body <= each.f_lineno <= self._loop.end
        return not is_inside or self._frame.f_lasti < self._at


def _is_plain(pending: Pending, sample: Sample) -> bool:
    """Whether a sample is an iteration with one backward pass, of four numbers that were read at once."""
    if pending.at != "loop" or pending.backwards != 1 or pending.scaling or not pending.is_watched:
        return False
    (frame, loop), *_ = pending.around.loops
    if frame.f_code.co_flags & _SUSPENDS or loop.body == loop.header:
        return False
    read = {name for name in QUANTITIES if getattr(sample, name) is not None}
    return read == {*_READ} and all(type(getattr(sample, name)) is Known for name in _READ)
