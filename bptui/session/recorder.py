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
        steps: How many samples of the branch are committed.
        seen: How many samples of the branch there are.
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
        self._inside: InsideSeen | None = None
        self._has_inside = False

    def describe(self, facts: Mapping[str, str]) -> None:
        """Write facts of the run."""
        self._write(self._writer.describe, facts)

    def begin_branch(self, reason: str) -> None:
        """Begin the next branch."""
        self.steps = self.seen = 0
        self._write(self._writer.begin_branch, reason)

    def state(self, state: RunState, detail: str, exit_code: int | None) -> None:
        """Write what the branch is doing."""
        self._write(self._writer.state, state, detail, exit_code)

    def event(self, event: Message) -> None:
        """Write what a debuggee says, as far as it belongs into a recording."""
        match event:
            case Samples():
                self.seen = event.first + event.count
                self._write(self._writer.samples, event)
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

    def _stopped(self) -> None:
        """It stands where it has said that it would, or outside of any sample."""
        inside, self._inside = self._inside, None
        if inside is not None or self._has_inside:
            self._write(self._writer.inside, inside)
        self._has_inside = inside is not None

    def output(self, lines: list[Line]) -> None:
        """Write printed lines."""
        self._write(self._writer.output, lines)

    def rows(self, rows: list[Row]) -> None:
        """Write rows of a terminal, over what they showed before."""
        self._write(self._writer.rows, rows)

    def commit(self) -> None:
        """Make what was written visible and safe."""
        self._write(self._writer.commit)
        self.is_dirty = False
        if not self.trouble:
            self.steps = self._writer.steps

    def close(self) -> None:
        """Commit and close."""
        self._write(self._writer.close)

    def _write(self, write: Callable[..., None], *values: object) -> None:
        if self.trouble:
            return
        self.is_dirty = True
        try:
            write(*values)
        except Exception as error:  # whatever it is: training and stepping go on, what is committed stays readable
            self.trouble = f"nothing recorded after sample {self.steps}: {error}"
            with contextlib.suppress(sqlite3.Error):
                self._writer.abandon()
