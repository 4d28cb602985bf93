"""Asks where to go: a sample of the run, an epoch, or a sample of an epoch."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from bptui.app.screens.dialog import Dialog
from bptui.goals import Goal, parse_goal


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
        goal = parse_goal(event.value)
        if goal is None:
            self.query_one(Static).update("Not understood: a number from 1, e and a number, or epoch.sample")
        else:
            self.dismiss(goal)
