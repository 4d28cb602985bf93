"""What to watch: any expression of Python, where the training stands."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from bptui.app.screens.dialog import Dialog
from bptui.expressions import BadExpression, parse_python

_HELP = "Watch  loss   norm(grad)   grad('fc1.weight')   model.fc1.weight[0]"


class Watch(Dialog[str]):
    """Asks for an expression; an empty one is none."""

    DEFAULT_CSS = "Watch Input { width: 70; max-width: 100%; }"

    def __init__(self, expression: str = "") -> None:
        super().__init__()
        self._expression = expression

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(_HELP, markup=False)
            field = Input(self._expression, placeholder="an expression of Python")
            field.cursor_blink = False
            yield field
            yield Static("", id="problem", markup=False)

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        self.query_one("#problem", Static).update(_problem(event.value))

    @on(Input.Submitted)
    def _watch(self, event: Input.Submitted) -> None:
        if not _problem(event.value):
            self.dismiss(event.value.strip())


def _problem(text: str) -> str:
    """Where it is no expression, and why; empty if it is one."""
    if not text.strip():
        return ""
    try:
        parse_python(text.strip())
    except BadExpression as error:
        return f"{' ' * (error.position + 2)}^\n{error.message}"
    return ""
