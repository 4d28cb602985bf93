"""Where to go: a sample of the run, an epoch, or a sample of an epoch."""

from __future__ import annotations

import re
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from bptui.app.screens.dialog import Dialog


@dataclass(frozen=True, slots=True)
class Goal:
    """A place to go to.

    Attributes:
        epoch: The epoch, as the loop counts; None for a sample of the run.
        sample: The sample of the epoch or of the run, from 1; None for the end of the epoch.
    """

    epoch: int | None
    sample: int | None


def parse(text: str) -> Goal | None:
    """What was typed: "120", "e3" or "3.5"; None if it is none of them."""
    if match := re.fullmatch(r"\s*e\s*(\d+)\s*", text):
        return Goal(int(match[1]), None)
    if match := re.fullmatch(r"\s*(\d+)\s*[.·]\s*([1-9]\d*)\s*", text):
        return Goal(int(match[1]), int(match[2]))
    if match := re.fullmatch(r"\s*([1-9]\d*)\s*", text):
        return Goal(None, int(match[1]))
    return None


class Goto(Dialog[Goal]):
    """Asks for a place."""

    DEFAULT_CSS = "Goto Input { width: 40; }"

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(
                "Go to  120 sample 120 of the run\n       e3  the end of epoch 3\n       3.5 sample 5 of epoch 3"
            )
            field = Input(placeholder="120, e3 or 3.5")
            field.cursor_blink = False
            yield field

    @on(Input.Submitted)
    def _go(self, event: Input.Submitted) -> None:
        goal = parse(event.value)
        if goal is None:
            self.query_one(Static).update("Not understood: a number from 1, e and a number, or epoch.sample")
        else:
            self.dismiss(goal)
