"""Where to go in a run: a sample of the run, an epoch, or a sample of an epoch; and at which step that is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bptui.recording.reader import Reader


@dataclass(frozen=True, slots=True)
class Goal:
    """A place to go to.

    Attributes:
        epoch: The epoch, as the loop counts; None for a sample of the run.
        sample: The sample of the epoch or of the run, from 1; None for the end of the epoch.
    """

    epoch: int | None
    sample: int | None


def parse_goal(text: str) -> Goal | None:
    """What was typed: "120", "e3" or "3.5"; None if it is none of them."""
    if match := re.fullmatch(r"\s*e\s*(\d+)\s*", text):
        return Goal(int(match[1]), None)
    if match := re.fullmatch(r"\s*(\d+)\s*[.·]\s*([1-9]\d*)\s*", text):
        return Goal(int(match[1]), int(match[2]))
    if match := re.fullmatch(r"\s*([1-9]\d*)\s*", text):
        return Goal(None, int(match[1]))
    return None


def find(reader: Reader, branch: int, steps: int, goal: Goal) -> int | str:
    """The step of a goal in a branch of so many samples, run or not yet, or one line why there is none."""
    if goal.epoch is None:
        return _sample_of_run(reader, branch, steps, goal.sample or 1)
    end = reader.epoch_numbered(branch, goal.epoch)
    if end is None:
        return _not_ended(reader, branch, steps, goal.epoch, goal.sample)
    return (
        end.last if goal.sample is None else _within(goal.epoch, goal.sample, end.first, end.last - end.first + 1)
    )


def _sample_of_run(reader: Reader, branch: int, steps: int, sample: int) -> int | str:
    newest = reader.sample(branch, steps - 1)
    if newest is None or not (newest.layout.samples and newest.layout.epochs):
        return sample - 1
    total = max(newest.layout.samples * newest.layout.epochs, steps)
    return sample - 1 if sample <= total else f"the run has {total:,} samples"


def _not_ended(reader: Reader, branch: int, steps: int, epoch: int, sample: int | None) -> int | str:
    newest = reader.sample(branch, steps - 1)
    if newest is None:
        return "how long an epoch is shows with the first sample: run that first (step), then go there"
    if epoch < newest.epoch:
        return f"there is no epoch {epoch}"
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


def epoch_start(reader: Reader, branch: int, step: int, count: int = 1) -> int:
    """The first step of the epoch of a step, or of an earlier one."""
    end = reader.epoch_end_at(branch, step)
    ordinal = (end.ordinal if end else reader.epochs(branch)) - count
    before = reader.epoch_ends(branch, ordinal, ordinal + 1)
    return before[0].last + 1 if before else 0
