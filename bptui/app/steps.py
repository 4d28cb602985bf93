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
    """The step of a goal, or one line why there is none; a step not yet run is found if the loop's totals say it."""
    if goal.epoch is None:
        return (goal.sample or 1) - 1
    end = reader.epoch_numbered(view.branch, goal.epoch)
    if end is not None:
        step = end.last if goal.sample is None else end.first + goal.sample - 1
        return step if step <= end.last else f"epoch {goal.epoch} has {end.last - end.first + 1} samples"
    return _not_ended(reader, view, goal.epoch, goal.sample)


def _not_ended(reader: Reader, view: View, epoch: int, sample: int | None) -> int | str:
    newest = reader.sample(view.branch, view.steps - 1)
    if newest is None or epoch < newest.epoch:
        return f"there is no epoch {epoch}"
    samples = newest.layout.samples
    if epoch == newest.epoch and sample is not None:
        return newest.step - newest.index + sample - 1
    if samples is None:
        return f"epoch {epoch} has not ended, and the loop does not say how long an epoch is"
    last = newest.layout.epochs
    if last is not None and epoch >= last:
        return f"the run ends with epoch {last - 1}"
    begin = newest.step - newest.index + (epoch - newest.epoch) * samples
    return begin + (samples if sample is None else min(sample, samples)) - 1
