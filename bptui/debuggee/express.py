"""The short way for samples that are like the one before: of one weight, in the same loop, with no stop near.

A sample of a few numbers takes 30 µs, less than it takes to find out all that could be new about the next. Here it
is only found out that nothing is. What is not as it was is left to `Hooks`, which is handed the sample at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

import torch

from bptui.debuggee.epoch_counter import EpochCounter, Steady, counters
from bptui.debuggee.known import ElementReader, Known
from bptui.debuggee.loop_watch import LoopWatch
from bptui.debuggee.parameters import Parameters, reaches_only
from bptui.debuggee.pending import Pending
from bptui.debuggee.rows import Row
from bptui.debuggee.stepper import Stepper
from bptui.debuggee.updates import Updates
from bptui.debuggee.user_loops import Around, Loops
from bptui.records import QUANTITIES, Sample

_READ = ("loss", "grad", "weight", "weight_after")
_INDEX = 1
_LOSS, _GRAD, _BEFORE, _AFTER = (2 + QUANTITIES.index(name) for name in _READ)


class Kept(NamedTuple):
    """A sample that is not complete yet.

    Attributes:
        around: What stands around its backward pass.
        loss: What that began at; None if it has not been read.
    """

    around: Around
    loss: Known | None


class _Stand(NamedTuple):
    """Where the backward passes come from, as long as samples are taken: frames keep all their variables alive.

    Attributes:
        around: What stands around them.
        calls: Of the calls inside the loop's, the innermost first: their code, and at which instruction they are.
        frame: Runs the loop.
        at: At which instruction that is.
        counting: Runs the loop of the epochs.
        further: The loops around that.
        runs: What these have counted.
    """

    around: Around
    calls: tuple[tuple[CodeType, int], ...]
    frame: FrameType
    at: int
    counting: FrameType
    further: Loops
    runs: tuple[int, ...]


class Express:
    """Takes samples of one weight.

    Attributes:
        is_open: Whether samples are taken.
        has_sample: Whether there is one that has had its backward pass.
        has_updated: Whether the last that is complete has changed the weight, and no other has begun since.
    """

    def __init__(
        self,
        stepper: Stepper,
        parameters: Parameters,
        updates: Updates,
        epochs: EpochCounter,
        watch: LoopWatch,
        losses: ElementReader,
        is_due: Callable[[], bool],
    ) -> None:
        """Take nothing yet.

        Args:
            stepper: Keeps the samples, and knows how many may pass without attention.
            parameters: Knows the weight.
            updates: Counts its updates.
            epochs: Numbers the samples.
            watch: Says when a sample's iteration is over.
            losses: Has read the loss of the sample before.
            is_due: Says whether the next sample is to be measured.
        """
        self.is_open = self.has_sample = self.has_updated = False
        self._stepper, self._parameters, self._updates = stepper, parameters, updates
        self._epochs, self._watch, self._losses, self._is_due = epochs, watch, losses, is_due
        self._stand: _Stand | None = None
        self._epoch: Steady
        self._layout = self._left = self._plans = self._taken = self._updated = self._version = 0
        self._weight: torch.Tensor
        self._row: list[float] = []
        self._has_begun = False

    def open(self, pending: Pending, sample: Sample, row: Row) -> None:
        """Take the samples after this one, if nothing stands against it.

        Args:
            pending: The last sample, which is complete now.
            sample: Its quantities.
            row: Their numbers.
        """
        weight = self._parameters.one
        is_by_hand = self._updates.is_by_hand and self._updates.found
        if weight is None or not is_by_hand or not _is_plain(pending, sample):
            return
        epoch, self._left = self._epochs.steady(), self._stepper.undisturbed()
        if epoch is None or self._left <= 0 or self._is_due():
            return
        self._epoch, self._weight, self._plans = epoch, weight, self._stepper.plans
        self._layout, self._row, self._version = row.layout, [*row.numbers], weight._version
        self._taken = self._updated = 0
        self.has_sample = self.has_updated = self._has_begun = False
        self._stand, self.is_open = _stand(pending.around), True

    def takes(self, outputs: Sequence[Any], frame: FrameType | None) -> bool:
        """Whether the backward pass that is about to begin is of one more such sample.

        Args:
            outputs: What it begins from.
            frame: What has called for it.
        """
        stand, each = self._stand, frame
        if stand is None or self.has_sample or self._stepper.plans != self._plans or len(outputs) != 1:
            return False
        for code, instruction in stand.calls:
            if each is None or each.f_lasti != instruction or each.f_code is not code:
                return False
            each = each.f_back
        if each is not stand.frame or each.f_lasti != stand.at:
            return False
        if stand.further and counters(stand.further) != stand.runs:
            return False
        number = stand.counting.f_locals.get(self._epoch.variable)
        if number != self._epoch.number and not self._turns(stand.around):
            return False
        with torch._C.DisableTorchFunction():
            weight = self._parameters.weight_now()
            if weight is None or not reaches_only(outputs[0], self._weight):
                return False
        self._row[_BEFORE] = weight
        self._has_begun, self.has_updated = True, False
        return True

    def _turns(self, around: Around) -> bool:
        """Whether the epoch is complete, and the next one is like it."""
        if self._row[_INDEX] + 1 != self._epoch.samples:
            return False
        self._epochs.skip(self._taken)
        self._taken = 0
        epoch = self._epochs.turn(around)
        if epoch is not None:
            self._epoch, self._row[:2] = epoch, (epoch.number, -1)
        return epoch is not None

    def notes(self, outputs: Sequence[Any]) -> bool:
        """Keep what the backward pass has left; False if the sample is to be looked at more closely.

        Args:
            outputs: What it began from.
        """
        if self._row[_INDEX] + 1 >= self._epoch.samples:
            return False
        with torch._C.DisableTorchFunction():
            loss, grad = self._losses.number(outputs[0]), self._parameters.grad_now()
        stand = self._stand
        if loss is None or grad is None or stand is None:
            return False
        if not self._watch.watch(*stand.around.loops[0], until_exit=False):
            return False
        self._row[_LOSS], self._row[_GRAD] = loss, grad
        self.has_sample = True
        return True

    def completes(self) -> bool:
        """Keep the sample whose iteration is over; False if it is to be looked at more closely."""
        stepper, row = self._stepper, self._row
        if self._left <= 0 or stepper.plans != self._plans or stepper.is_called():
            return False
        with torch._C.DisableTorchFunction():
            weight = self._parameters.weight_now()
        if weight is None:
            return False
        before = row[_AFTER]
        self.has_updated = weight != before and (weight == weight or before == before)
        self._updated += self.has_updated
        row[_AFTER], self._version = weight, self._weight._version
        row[_INDEX] += 1
        self._left -= 1
        self._taken += 1
        self.has_sample = self._has_begun = False
        stepper.pass_by(self._layout, row)
        return True

    def close(self) -> Kept | None:
        """Take no more.

        Returns:
            The sample at hand, if there is one: its numbers are with `Parameters` again.
        """
        row, stand, has_sample = self._row, self._stand, self.has_sample
        self.drop()
        self._epochs.skip(self._taken)
        self._updates.settle(self._updated, self._version, row[_AFTER])
        if stand is None or not self._has_begun:
            return None
        self._parameters.take_up(row[_BEFORE], row[_GRAD] if has_sample else None)
        return Kept(stand.around, self._losses.known(row[_LOSS]) if has_sample else None)

    def drop(self) -> None:
        """Take no more, whatever there is."""
        self.is_open = self.has_sample = False
        self._stand = None


def _stand(around: Around) -> _Stand:
    site, ((frame, _), (counting, _), *further) = around.site, around.loops
    inner = site.loops[0][0]
    calls = tuple(zip(site.codes[:inner], site.instructions[:inner], strict=True))
    return _Stand(around, calls, frame, site.instructions[inner], counting, further, counters(further))


def _is_plain(pending: Pending, sample: Sample) -> bool:
    """Whether a sample is an iteration with one backward pass, of four numbers that were read at once."""
    if not pending.is_watched or pending.backwards != 1 or pending.scaling:
        return False
    read = {name for name in QUANTITIES if getattr(sample, name) is not None}
    return read == {*_READ} and all(type(getattr(sample, name)) is Known for name in _READ)
