"""Writes the recording for as long as that works, and says why when it does not any more."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from bptui.protocol import Loaded, Message, to_json
from bptui.protocol.messages import (
    Checked,
    Edited,
    Explained,
    Found,
    GraphTraced,
    HitSeen,
    InsideSeen,
    LayoutSeen,
    Logged,
    LossesSeen,
    Noticed,
    ParameterSamples,
    ParametersSeen,
    RatesSeen,
    Samples,
    SourceSeen,
    StackSeen,
    Stopped,
    Watched,
)
from bptui.recording.forking import Difference
from bptui.recording.writer import Writer
from bptui.records import LOGGED, RunState
from bptui.session.console import Line
from bptui.session.screen import Row

_WRITES: dict[type[Message], Callable[..., None]] = {
    ParametersSeen: Writer.parameters,
    ParameterSamples: Writer.parameter_samples,
    LossesSeen: Writer.losses,
    RatesSeen: Writer.rates,
    Noticed: Writer.noticed,
    GraphTraced: Writer.graph,
    Explained: Writer.explanations,
    Checked: Writer.check,
    StackSeen: Writer.stack,
    Edited: Writer.edit,
    HitSeen: Writer.hit,
    Watched: Writer.watched,
}
"""What is written as it comes."""


class Recorder:
    """The recording of a session. A full disk ends the recording, never the training.

    Attributes:
        trouble: Why nothing is written any more, empty while it is.
        is_dirty: Whether something was written since the last commit.
        steps: How many samples of the branch there are where the training stands, as far as they are committed.
        seen: How many there are.
        recorded: How many the branch has, also those after where the training stands.
        branch: The branch at hand.
        forked: After how many samples of the branch before it that has begun.
        differs: Where samples that were run again were not what is recorded: they are another branch since.
    """

    def __init__(self, path: Path) -> None:
        """Create the recording.

        Raises:
            RecordingError: It can not be made.
        """
        self._writer = Writer(path)
        self.trouble = ""
        self.is_dirty = False
        self.steps = 0
        self.seen = 0
        self.recorded = 0
        self.branch = -1
        self.forked = 0
        self._printed = -1  # what was printed before this step is written
        self._late = 0  # lines that belong to no complete sample
        self._again = 0  # those of them that come once more
        self.differs = ""
        self._inside: InsideSeen | None = None
        self._has_inside = False

    def describe(self, facts: Mapping[str, str]) -> None:
        """Write facts of the run."""
        self._write(self._writer.describe, facts)

    def begin_branch(self, reason: str) -> None:
        """Begin the next branch."""
        self.steps = self.seen = self.recorded = 0
        self._printed, self._late, self._again = -1, 0, 0
        self.branch, self._has_inside, self.differs = self.branch + 1, False, ""
        self._write(self._writer.begin_branch, reason)

    def fork_branch(self, reason: str) -> None:
        """Begin the next branch where the training stands."""
        self._write(self._writer.fork_branch, reason, self.seen)
        self.recorded = self.forked = self.seen
        self._printed = self.seen
        if not self.trouble:
            self.branch = self._writer.branch

    def return_to(self, branch: int, steps: int) -> None:
        """The training stands after so many samples of a branch, and goes on from there."""
        self.differs = ""
        if branch != self.branch:
            self._write(self._writer.go_to_branch, branch)
            self.branch = branch
            self.recorded = self._writer.steps
            self._has_inside = True  # as far as is known
        self.steps = self.seen = steps
        self._printed, self._again = self.recorded, self._late

    def state(self, state: RunState, detail: str, exit_code: int | None) -> None:
        """Write what the branch is doing."""
        self._write(self._writer.state, state, detail, exit_code)

    def event(self, event: Message) -> None:
        """Write what a debuggee says, as far as it belongs into a recording."""
        match event:
            case Samples():
                self._samples(event)
            case InsideSeen():
                self._inside = event
            case Stopped():
                self._stopped()
            case LayoutSeen():
                self._write(self._writer.layout, event.id, event.layout)
            case SourceSeen(path=path, text=text):
                self._write(self._writer.source, path, text)
            case Logged(step=step, text=text):
                self.output([(step, LOGGED, text)])
            case Found(facts=facts):
                self.describe(facts)
            case Loaded(target=target, source=source):
                self.describe({"target": to_json(target)})
                self._write(self._writer.source, target.path, source)
            case _ if type(event) in _WRITES:
                self._write(_WRITES[type(event)], self._writer, event)

    def _samples(self, batch: Samples) -> None:
        self.seen = batch.first + batch.count
        differs = self._write(self._writer.samples, batch)
        if isinstance(differs, Difference):
            self._differ(differs, batch)
        if self.seen > self.recorded:
            self.recorded, self._late = self.seen, 0

    def _differ(self, found: Difference, batch: Samples) -> None:
        """From this step on it is another run: what was recorded stays, what comes is a branch of its own."""
        seen, self.seen = self.seen, found.step
        values = f"{_number(found.was)} recorded, {_number(found.now)} now"
        self.differs = f"not deterministic from sample {found.step + 1}: {found.name} {values}"
        self.fork_branch(self.differs)
        self.seen = seen
        self._write(self._writer.samples, batch)

    @property
    def last_loss(self) -> str:
        """The loss of the last sample of the branch."""
        return "–" if self.trouble else _number(self._writer.loss(self.recorded - 1))

    def is_loss(self, step: int, loss: float | None) -> bool:
        """Whether this is the recorded loss of a sample of the branch; None stands for NaN."""
        return not self.trouble and step < self.recorded and self._writer.loss(step) == loss

    def _stopped(self) -> None:
        """It stands where it has said that it would, or outside of any sample."""
        inside, self._inside = self._inside, None
        if inside is not None or self._has_inside:
            self._write(self._writer.inside, inside)
        self._has_inside = inside is not None

    def output(self, lines: list[Line]) -> None:
        """Write printed lines, but for those that are written already."""
        new = [line for line in lines if line[0] >= self._printed]
        late = [line for line in new if line[0] >= self.recorded]
        again, self._again = late[: self._again], max(0, self._again - len(late))
        self._late += len(late) - len(again)
        self._write(self._writer.output, [line for line in new if line not in again])

    def rows(self, rows: list[Row]) -> None:
        """Write rows of a terminal, over what they showed before."""
        self._write(self._writer.rows, [row for row in rows if row[1] >= self._printed])

    def commit(self) -> None:
        """Make what was written visible and safe."""
        self._write(self._writer.commit)
        self.is_dirty = False
        if not self.trouble:
            self.steps = self.seen

    def close(self) -> None:
        """Commit and close."""
        self._write(self._writer.close)

    def _write(self, write: Callable[..., object], *values: object) -> object:
        if self.trouble:
            return None
        self.is_dirty = True
        try:
            return write(*values)
        except Exception as error:  # whatever it is: training and stepping go on, what is committed stays readable
            self.trouble = f"nothing recorded after sample {self.steps}: {error}"
            with contextlib.suppress(sqlite3.Error):
                self._writer.abandon()
        return None


def _number(loss: float | None) -> str:
    return "NaN" if loss is None else f"{loss:.9g}"
