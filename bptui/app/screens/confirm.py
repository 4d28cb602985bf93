"""A question with a few keys for its answers."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from bptui.app.screens.dialog import Dialog


class Confirm(Dialog[str]):
    """Asks once; a key of `answers` is the answer, Escape is none."""

    def __init__(self, question: str, answers: dict[str, str]) -> None:
        """Ask `question`.

        Args:
            question: Some lines.
            answers: What each key does, by key.
        """
        super().__init__()
        self._question = question
        self._answers = answers
        # Bindings, and no on_key: so an answer counts that was typed before the question was drawn.
        for key in answers:
            self._bindings.bind(key, f"dismiss({key!r})", show=False)

    def compose(self) -> ComposeResult:
        lines = [Content(self._question), Content("")]
        for key, meaning in (self._answers | {"Esc": "stay here"}).items():
            lines.append(Content.assemble((f" {key:>3} ", "bold $text-accent"), f" {meaning}"))
        yield Static(Content("\n").join(lines), classes="dialog")
