"""How the app ended, for the command that ran it."""

from __future__ import annotations

from dataclasses import dataclass

from bptui.protocol import Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the app ended.

    Attributes:
        code: The exit code.
        text: What is to be said after the screen is gone.
        detached: Whether the session was left running.
    """

    code: int = 0
    text: str = ""
    detached: bool = False


def refused(status: Status) -> Outcome:
    """The end of an app whose target was refused: the user's traceback if there is one, then one line."""
    if status.exit_code == 0:  # help was asked for
        return Outcome(0, status.detail)
    line = f"bptui: {status.refused}"
    return Outcome(status.exit_code or 2, line if status.detail == status.refused else f"{status.detail}\n{line}")
