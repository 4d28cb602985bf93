"""What the screen shows at one moment: read from the recording, drawn by every panel."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bptui.protocol import Status
from bptui.recording.reader import Reader
from bptui.records import Parameter, RecordedSample, Target


@dataclass(frozen=True, slots=True)
class View:
    """A moment of a run.

    Attributes:
        status: What the session said last.
        commands: Whether there is a session that takes commands; without one this is a look at a recording.
        target: What is debugged, None while it is loading.
        branch: The branch shown.
        steps: How many samples it has.
        sample: The sample shown, None before the first.
        before: The sample shown before it, to mark what has changed since.
        parameters: What is trained, in forward order, as far as it is known; it stays when a new branch begins.
    """

    status: Status
    commands: bool = False
    target: Target | None = None
    branch: int = 0
    steps: int = 0
    sample: RecordedSample | None = None
    before: RecordedSample | None = None
    parameters: tuple[Parameter, ...] = ()

    @property
    def has_several(self) -> bool:
        """Whether more than a single number is trained, so that it takes norms to look at it."""
        return len(self.parameters) > 1 or any(math.prod(each.shape) > 1 for each in self.parameters)

    @property
    def step(self) -> int:
        """The step shown, -1 before the first."""
        return self.sample.step if self.sample else -1

    @property
    def is_newest(self) -> bool:
        """Whether the sample shown is the last one there is, on the branch that is at work."""
        return self.branch == self.status.branch and self.step == self.steps - 1

    @property
    def looks_back(self) -> bool:
        """Whether the past is shown: read-only, whatever the training does."""
        return not self.is_newest

    @property
    def is_paused(self) -> bool:
        """Whether the training waits for a command here."""
        return self.commands and self.status.state == "paused"

    @property
    def is_running(self) -> bool:
        """Whether the training goes on by itself."""
        return self.status.state == "running"


def look(reader: Reader, old: View, status: Status, branch: int | None, step: int | None) -> View:
    """The view of a status.

    Args:
        reader: The recording.
        old: The view before it.
        status: What the session said.
        branch: The branch to show, None for the one at work.
        step: The step to show, None for the newest.
    """
    shown = status.branch if branch is None else branch
    steps = status.steps if shown == status.branch else reader.steps(shown)
    at = steps - 1 if step is None else min(step, steps - 1)
    sample, before = old.sample, old.before
    if sample is None or (sample.branch, sample.step) != (shown, at):
        sample, before = reader.sample(shown, at), sample
    target = old.target if old.target and status.state != "starting" else reader.target()
    parameters = (reader.parameters(shown, at) if at >= 0 else ()) or old.parameters
    return View(status, old.commands, target, shown, steps, sample, before, parameters)


def recorded_status(reader: Reader) -> Status:
    """The status of a recording that nobody writes any more."""
    branch = reader.branches()[-1]
    if branch.exit_code is None and branch.state != "finished":
        detail = f"its session ended without a word while it was {branch.state}"
        return Status("lost", branch.id, branch.steps, detail=detail)
    return Status(branch.state, branch.id, branch.steps, detail=branch.detail, exit_code=branch.exit_code)
