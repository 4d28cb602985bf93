"""What happens to the app from outside its widgets."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from bptui.diagnostics import Finding
from bptui.protocol import Answer, Status, Welcome
from bptui.records import Breakpoint, Place


@dataclass
class Welcomed(Message):
    """The session answered: the recording is there."""

    welcome: Welcome


@dataclass
class StatusArrived(Message):
    """The session said where it is; only the newest such word counts."""

    status: Status

    def can_replace(self, message: Message) -> bool:
        """Let the last of several stand for all, so that a slow screen never lags behind."""
        return isinstance(message, StatusArrived)


@dataclass
class BreakpointsEdited(Message):
    """The user wants these breakpoints, and no others."""

    breakpoints: tuple[Breakpoint, ...]


@dataclass
class BreakpointWanted(Message):
    """The user wants another breakpoint, or to change one."""

    old: Breakpoint | None


@dataclass
class WatchesEdited(Message):
    """The user wants to watch these expressions, and no others."""

    expressions: tuple[str, ...]


@dataclass
class WatchWanted(Message):
    """The user wants to watch something in the place of an expression."""

    expression: str


@dataclass
class AnswerArrived(Message):
    """The debuggee has answered what was asked of a tensor."""

    answer: Answer


@dataclass
class SessionLost(Message):
    """The session is gone without having been asked to go."""

    why: str


@dataclass
class KeysTyped(Message):
    """The user typed something for the script's own terminal."""

    keys: str


@dataclass
class PlaceSelected(Message):
    """The user is at something that belongs to a line of code."""

    place: Place | None


@dataclass
class NumbersWanted(Message):
    """The user is at a row of the graph whose numbers are not there."""

    row: int


@dataclass
class FindingChosen(Message):
    """The user wants to see where something went wrong."""

    finding: Finding


@dataclass
class StepSelected(Message):
    """The user chose a sample to look at."""

    branch: int
    step: int


class BranchCompared(Message):
    """The user wants to see a branch over the one that is shown."""

    def __init__(self, branch: int) -> None:
        super().__init__()
        self.branch = branch


class BranchChosen(Message):
    """The user wants to go to the end of a branch."""

    def __init__(self, branch: int, steps: int) -> None:
        super().__init__()
        self.branch, self.steps = branch, steps
