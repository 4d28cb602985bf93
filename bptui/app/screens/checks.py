"""The checks of Karpathy's recipe: which there are, what came of them, and keys to run them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import get_args

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from bptui.app.screens.dialog import Dialog
from bptui.app.view import View
from bptui.protocol import Check, Command
from bptui.recording.reader import Reader
from bptui.records import CheckName, TrainingCheck
from bptui.where import next_sample, place

NAMES: tuple[CheckName, ...] = get_args(CheckName)

TITLES: dict[CheckName, tuple[str, str]] = {
    "initial loss": ("loss at initialisation", "Is the first loss that of an even guess, −log(1/C)?"),
    "overfit": ("overfit two examples", "Can the network learn two examples by heart?"),
    "zero input": ("zero-input baseline", "Does it do better with its inputs than without?"),
    "batch leak": ("batch leak", "Does an example's output depend on others of its batch?"),
}

_MARKS = {None: "–", True: "✔", False: "✖"}
_PAST = "Looking back: checks run only where the training stands (N)."
_MOVING = "The training runs: checks run where it stands still (p)."
_UNTOUCHED = "They run in a copy of the process: the training does not change."
_WIDTH = 92
_MARGIN = 13
"""Cells that border, padding, scrollbar and indentation take."""


class Checks(Dialog[None]):
    """Shows the results on the sample at hand, and asks for more."""

    DEFAULT_CSS = f"Checks > .dialog {{ width: {_WIDTH}; }} Checks Static {{ width: 1fr; }}"
    BINDINGS = [
        ("V,v,a", "run_all", "all"),
        *((str(at), f"run_one({at})", name) for at, name in enumerate(NAMES, 1)),
        ("q", "dismiss(None)", "close"),
    ]

    def __init__(self, view: View, reader: Reader, send: Callable[[Command], None]) -> None:
        """Show what is recorded.

        Args:
            view: What is shown.
            reader: The recording.
            send: Takes what is asked of the debuggee.
        """
        super().__init__()
        self._view, self._reader, self._send = view, reader, send
        self._awaited: dict[CheckName, tuple[int, int, int]] = {}

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(Content("\n").join(self._lines()))

    def follow(self, view: View) -> None:
        """Draw what is known by now."""
        self._view = view
        self.query_one(Static).update(Content("\n").join(self._lines()))

    def on_resize(self) -> None:
        self.follow(self._view)

    def action_run_all(self) -> None:
        self._run(NAMES)

    def action_run_one(self, number: int) -> None:
        self._run(NAMES[number - 1 : number])

    def _run(self, names: tuple[CheckName, ...]) -> None:
        names = tuple(name for name in names if not self._is_awaited(name))
        if not names or not self._is_here:
            return
        found = self._found()
        self._awaited |= {name: (*self._where, found[name].serial if name in found else 0) for name in names}
        self._send(Check(self._where[1], names))
        self.follow(self._view)

    @property
    def _where(self) -> tuple[int, int]:
        """The branch and the step of the sample at hand, complete or not."""
        return self._view.branch, self._view.step + (self._view.inside is not None)

    @property
    def _is_here(self) -> bool:
        return self._view.is_paused and not self._view.looks_back

    def _found(self) -> dict[CheckName, TrainingCheck]:
        return {told.name: told for told in self._reader.checks(*self._where)}

    def _is_awaited(self, name: CheckName) -> bool:
        """Whether a result is on its way; it comes in place of the one before."""
        if name not in self._awaited or not self._is_here:
            return False
        *where, serial = self._awaited[name]
        found = self._found().get(name)
        return tuple(where) == self._where and (found is None or found.serial == serial)

    # -- lines -----------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[Content]:
        view, found = self._view, self._found()
        where = next_sample(view.sample) if view.inside else place(view.sample) if view.sample else ""
        yield Content.assemble(("Checks of the training", "bold underline"), f", on {where}")
        for number, name in enumerate(NAMES, 1):
            yield Content("")
            yield from self._check(number, name, found.get(name))
        yield Content("")
        yield Content.styled(_UNTOUCHED if self._is_here else _MOVING if view.is_moving else _PAST, "$text-muted")
        keys = {"1–4": "run one", "V": "run all"} if self._is_here else {}
        parts = ((f" {key} ", "bold $text-accent") if bold else f"{text}  "
                 for key, text in (keys | {"Esc": "close"}).items() for bold in (True, False))  # fmt: skip
        yield Content.assemble(*parts)

    def _check(self, number: int, name: CheckName, told: TrainingCheck | None) -> Iterator[Content]:
        title, question = TITLES[name]
        is_awaited = self._is_awaited(name)
        mark = "…" if is_awaited else " " if told is None else _MARKS[told.is_good]
        colours = {"✔": "bold $text-success", "✖": "bold $text-error"}
        yield Content.assemble(
            (f" {number} ", "bold $text-accent"), (mark, colours.get(mark, "bold")), (f" {title}", "bold")
        )
        if is_awaited or told is None:
            yield from self._indented("checking …" if is_awaited else question, "$text-muted")
            return
        yield from self._indented(told.found)
        yield from self._indented(f"should be: {told.limit}" if told.limit else "")
        yield from self._indented(told.text, "" if told.is_good is False else "$text-muted")

    def _indented(self, text: str, style: str = "") -> Iterator[Content]:
        """A paragraph below a title."""
        for line in textwrap.wrap(text, min(_WIDTH, self.app.size.width) - _MARGIN, break_on_hyphens=False):
            yield Content.assemble("     ", (line, style))
