"""What the screen shows at one moment: read from the recording, drawn by every panel."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bptui import where as places
from bptui.diagnostics import Finding
from bptui.protocol import Status
from bptui.recording.reader import Reader
from bptui.records import Frame, InsideStop, Parameter, Place, RecordedSample, Stack, Target


@dataclass(frozen=True, slots=True)
class Spot:
    """A line of the user's code to look at.

    Attributes:
        place: The line.
        frame: Whose variables belong to it, None if they were not recorded.
        number: Which frame of the stack it is, from 1; 0 for the sample's own line.
        is_forward: Whether it is of the stack of the forward pass, which is over.
    """

    place: Place
    frame: Frame | None = None
    number: int = 0
    is_forward: bool = False


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
        stack: The user's frames there; while running, those of the last stop; None if it did not stop there.
        stack_before: The frames shown before them.
        spot: Which of `spots` is shown.
        inside: Where in the sample after it the training has stopped, None if it has not stopped inside of one.
        parameters: What is trained, in forward order, as far as it is known; it stays when a new branch begins.
        findings: What was found to be wrong in the branch, by the sample since which it is so.
        diagnosed: Of how many samples of it all was looked at.
        crowd: How many more findings are open than are listed.
        over: The branch that is drawn over the one shown, None for none.
        other: Its sample of the same number.
    """

    status: Status
    commands: bool = False
    target: Target | None = None
    branch: int = 0
    steps: int = 0
    sample: RecordedSample | None = None
    before: RecordedSample | None = None
    stack: Stack | None = None
    stack_before: Stack | None = None
    spot: int = 0
    parameters: tuple[Parameter, ...] = ()
    inside: InsideStop | None = None
    findings: tuple[Finding, ...] = ()
    diagnosed: int = 0
    crowd: int = 0
    over: int | None = None
    other: RecordedSample | None = None

    @property
    def diagnoses(self) -> int:
        """How many findings are open at the sample shown."""
        return sum(1 for each in self.findings if each.holds_at(self.step))

    @property
    def has_several(self) -> bool:
        """Whether more than a single number is trained, so that it takes norms to look at it."""
        return len(self.parameters) > 1 or any(math.prod(each.shape) > 1 for each in self.parameters)

    @property
    def spots(self) -> tuple[Spot, ...]:
        """The lines that can be walked from here, outward: the sample's own, then the frames of the stop.

        In a backward pass, first the calls in which the node was made.
        """
        frames = self.stack.frames if self.stack else ()
        spots = [Spot(frame.place, frame, number) for number, frame in enumerate(frames, 1)]
        if self.inside is not None and self.inside.place is not None:
            made_by = self.inside.made_by
            if made_by:
                forward = (Spot(frame.place, frame, number, True) for number, frame in enumerate(made_by, 1))
                return (*forward, *spots)
            is_first = bool(frames) and frames[0].place == self.inside.place
            return tuple(spots) if is_first else (Spot(self.inside.place), *spots)
        place = self.sample.layout.place if self.sample else None
        if place is not None and not (self.stack and (self.stack.error or self.stack.is_amid)):
            # By the time of the stop its code may have come elsewhere, or have returned.
            inner = spots[:1]
            if not inner or inner[0].place != place:
                spots.insert(0, Spot(place, inner[0].frame if inner else None))
        if not spots and self.target is not None:
            spots.append(Spot(Place(self.target.path, self.target.line)))
        return tuple(spots)

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
    def is_moving(self) -> bool:
        """Whether what is shown is the newest of a training that goes on."""
        return self.is_running and not self.looks_back

    @property
    def is_paused(self) -> bool:
        """Whether the training waits for a command here."""
        return self.commands and self.status.state == "paused"

    @property
    def can_return(self) -> bool:
        """Whether the training itself can go back to where it was; else one can only look at what is recorded."""
        status = self.status
        stands = status.state in ("paused", "finished", "failed")
        return self.commands and stands and bool(status.checkpoints)

    @property
    def is_back(self) -> bool:
        """Whether the training stands before samples that it has run already."""
        return self.status.recorded > self.status.steps

    @property
    def awaits_first(self) -> bool:
        """Whether stepping would bring the first sample."""
        return self.commands and self.steps == 0 and self.status.state in ("starting", "paused")

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
    stack, stack_before, spot = old.stack, old.stack_before, old.spot
    was = old.status.state, old.status.detail
    is_other = sample is not old.sample or (status.state, status.detail) != was
    is_other = is_other or (status.state == "paused" and status.revision != old.status.revision)
    inside = reader.inside(shown) if at == steps - 1 else None
    if inside is not None and inside.step != steps:  # that sample is complete
        inside = None
    if is_other and not (status.state == "running" and step is None):
        found = reader.stack(shown, at + 1)
        if found != stack or sample is not old.sample or inside is not old.inside:  # else there is more to be read
            stack, stack_before, spot = found, old.stack or old.stack_before, 0
    target = old.target if old.target and status.state != "starting" else reader.target()
    parameters = (reader.parameters(shown, at) if at >= 0 else ()) or old.parameters
    over = old.over if old.over != shown else None
    return View(
        status, old.commands, target, shown, steps, sample, before, stack, stack_before, spot, parameters, inside,
        over=over, other=reader.sample(over, at) if over is not None else None,
    )  # fmt: skip


def recorded_status(reader: Reader) -> Status:
    """The status of a recording that nobody writes any more."""
    branch = reader.branches()[-1]
    if branch.exit_code is None and branch.state != "finished":
        detail = f"its session ended without a word while it was {branch.state}"
        return Status("lost", branch.id, branch.steps, detail=detail)
    return Status(branch.state, branch.id, branch.steps, detail=branch.detail, exit_code=branch.exit_code)


def where(view: View) -> str:
    """Which moment is shown: a sample, or a stop inside the one after it."""
    return places.where(view.sample, view.inside)
