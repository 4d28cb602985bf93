"""What verbs act on: a session, wherever it runs, and its recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from bptui.protocol import Answer, Command, Status
from bptui.recording.reader import Reader
from bptui.records import InsideStop, RecordedSample
from bptui.where import where


class Driver(Protocol):
    """Commands a session."""

    @property
    def status(self) -> Status:
        """What it said last."""

    @property
    def reader(self) -> Reader:
        """Its recording."""

    @property
    def frame(self) -> int:
        """The frame of the user's in which to evaluate, from 1."""

    async def send(self, command: Command) -> None:
        """Say something to it."""

    async def until(self, condition: Callable[[Status], bool]) -> Status:
        """Wait until its status is such."""

    async def ask(self, question: Callable[[int], Command]) -> Answer:
        """Ask it something, of which the question is made with its number, and wait for the answer."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a verb has come to.

    Attributes:
        text: For people: some lines.
        value: For programs: what JSON can hold.
        problem: Why it has done nothing, in one line.
    """

    text: str = ""
    value: Any = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the training stands.

    Attributes:
        sample: The last sample that is complete.
        inside: Where inside the next one.
        text: In words.
    """

    sample: RecordedSample | None
    inside: InsideStop | None
    text: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", where(self.sample, self.inside))


def moment(driver: Driver) -> Moment:
    """Where the training stands now."""
    status, reader = driver.status, driver.reader
    sample = reader.sample(status.branch, status.steps - 1) if status.steps else None
    inside = reader.inside(status.branch)
    return Moment(sample, inside if inside is not None and inside.step == status.steps else None)


def is_over(status: Status) -> bool:
    """Whether the training has come to its end."""
    return status.exit_code is not None or status.state in ("finished", "failed", "lost")
