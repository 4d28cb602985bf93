"""Where to stop: a place, a condition, or what to log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.suggester import Suggester
from textual.widgets import Input, Static

from bptui.app.panels.breakpoints import cost
from bptui.app.screens.dialog import Dialog
from bptui.breakpoints import KINDS, parse_any, written
from bptui.errors import BptuiError
from bptui.expressions import BadExpression
from bptui.expressions.language import WORDS
from bptui.records import Breakpoint

_HELP = (
    "Stop at  loss > 3 * mean(loss, 10)   train.py:42   op relu   module *.attn   nan\n"
    "         … if CONDITION   once …: a single time   log loss {loss} [if …]: say so, go on"
)


class BreakAt(Dialog[Breakpoint]):
    """Asks for a breakpoint, and says while one types what it means."""

    DEFAULT_CSS = "BreakAt Input { width: 90; max-width: 100%; }"
    BINDINGS = [("tab", "complete", "complete")]

    def __init__(self, old: Breakpoint | None, names: Sequence[str]) -> None:
        """Make the dialog.

        Args:
            old: The one that is changed.
            names: Of parameters, to be completed.
        """
        super().__init__()
        self._old = old
        self._words = sorted({*KINDS, *WORDS, *names, "if", "log", "once"})

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(_HELP, markup=False)
            text = written(self._old) if self._old else ""
            field = Input(
                text, placeholder="loss > 3, op relu, train.py:42, nan", suggester=_Completing(self._words)
            )
            field.cursor_blink = False
            yield field
            yield Static("", id="meaning", markup=False)

    def action_complete(self) -> None:
        """Finish the last word, if there is one that begins so."""
        field = self.query_one(Input)
        field.value = _completed(field.value, self._words) or field.value
        field.action_end()

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        self.query_one("#meaning", Static).update(_meaning(event.value))

    @on(Input.Submitted)
    def _set(self, event: Input.Submitted) -> None:
        try:
            found = parse_any(event.value)
        except BptuiError as error:
            self.query_one("#meaning", Static).update(_problem(event.value, error))
            return
        if self._old is not None:
            ignore = self._old.ignore if found.text == self._old.text else 0  # of hits that are counted on
            found = replace(found, id=self._old.id, is_enabled=self._old.is_enabled, ignore=ignore)
        self.dismiss(found)


def _meaning(text: str) -> str:
    """What it would do, or where it goes wrong."""
    if not text.strip():
        return "\n".join(kind.help for kind in KINDS.values())
    try:
        found = parse_any(text)
    except BptuiError as error:
        return _problem(text, error)
    what = "says so" if found.message else "stops once" if found.is_temporary else "stops"
    when = f"at line {found.line}" if found.line else "each time that" if found.each else "as soon as"
    return "\n".join(filter(None, (f"{what} {when}  {found.condition}".rstrip(), cost(found))))


def _problem(text: str, error: BptuiError) -> str:
    if not isinstance(error, BadExpression):
        return str(error)
    at = text.rfind(error.text)
    return f"{' ' * (max(at, 0) + error.position + 2)}^\n{error.message}"


def _completed(text: str, words: Sequence[str]) -> str | None:
    """The text with its last word finished; None if no word begins so."""
    word = re.search(r"[\w.]*$", text)
    begun = word[0] if word else ""
    found = next((each for each in words if begun and each.startswith(begun) and each != begun), None)
    return None if found is None else text[: len(text) - len(begun)] + found


class _Completing(Suggester):
    """Shows how the last word may go on."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        return _completed(value, self._words)
