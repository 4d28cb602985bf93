"""A question with a few keys for its answers."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.events import Key
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

    def compose(self) -> ComposeResult:
        lines = [Content(self._question), Content("")]
        for key, meaning in (self._answers | {"Esc": "stay here"}).items():
            lines.append(Content.assemble((f" {key:>3} ", "bold $text-accent"), f" {meaning}"))
        yield Static(Content("\n").join(lines), classes="dialog")

    def on_key(self, event: Key) -> None:
        if event.character in self._answers:
            event.stop()
            self.dismiss(event.character)
