"""Where in the recording an epoch begins and ends, and where a place to go to lies."""

from __future__ import annotations

from bptui.app.screens.goto import Goal
from bptui.app.view import View
from bptui.recording.reader import Reader


def epoch_forward(reader: Reader, view: View, count: int) -> int:
    """The last step of the epoch shown, or of a later one; the newest step if it has not ended."""
    end = reader.epoch_end_at(view.branch, view.step)
    if end is None:
        return view.steps - 1
    ordinal = end.ordinal + count - (end.last > view.step)
    found = reader.epoch_ends(view.branch, ordinal, ordinal + 1)
    return found[0].last if found else view.steps - 1


def epoch_start(reader: Reader, view: View, count: int = 1) -> int:
    """The first step of the epoch shown, or of an earlier one."""
    end = reader.epoch_end_at(view.branch, view.step)
    ordinal = (end.ordinal if end else reader.epochs(view.branch)) - count
    before = reader.epoch_ends(view.branch, ordinal, ordinal + 1)
    return before[0].last + 1 if before else 0


def find(reader: Reader, view: View, goal: Goal) -> int | str:
    """The step of a goal, run or not yet, or one line why there is none."""
    if goal.epoch is None:
        return _sample_of_run(reader, view, goal.sample or 1)
    end = reader.epoch_numbered(view.branch, goal.epoch)
    if end is None:
        return _not_ended(reader, view, goal.epoch, goal.sample)
    return (
        end.last if goal.sample is None else _within(goal.epoch, goal.sample, end.first, end.last - end.first + 1)
    )


def _sample_of_run(reader: Reader, view: View, sample: int) -> int | str:
    newest = reader.sample(view.branch, view.steps - 1)
    if newest is None or not (newest.layout.samples and newest.layout.epochs):
        return sample - 1
    total = max(newest.layout.samples * newest.layout.epochs, view.steps)
    return sample - 1 if sample <= total else f"the run has {total:,} samples"


def _not_ended(reader: Reader, view: View, epoch: int, sample: int | None) -> int | str:
    newest = reader.sample(view.branch, view.steps - 1)
    if newest is None or epoch < newest.epoch:
        return f"there is no epoch {epoch}" + ("" if newest else " yet")
    samples, last = newest.layout.samples, newest.layout.epochs
    if last is not None and epoch >= last:
        return f"the run ends with epoch {last - 1}"
    if samples is None and (sample is None or epoch > newest.epoch):
        what = "ended" if epoch == newest.epoch else "begun"
        return f"epoch {epoch} has not {what}, and the loop does not say how long an epoch is"
    first = newest.step - newest.index + (epoch - newest.epoch) * (samples or 0)
    return _within(epoch, sample or samples or 1, first, samples)


def _within(epoch: int, sample: int, first: int, samples: int | None) -> int | str:
    """The step of a sample of an epoch that begins at step `first`."""
    if samples is not None and sample > samples:
        return f"epoch {epoch} has {samples} samples"
    return first + sample - 1
