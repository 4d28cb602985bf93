"""What the training printed, line by line, and a line to answer it."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.widgets import Input

from bptui.app.messages import KeysTyped
from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.table_rows import least_width
from bptui.app.widgets.virtual_table import Column, Row, VirtualTable
from bptui.recording.reader import OutputLine, Reader
from bptui.recording.schema import REWRITTEN
from bptui.records import LOGGED


def _columns(widest: int) -> tuple[Column, ...]:
    return Column("sample", 7), Column("", 1, "left"), Column("printed", widest, "left", grow=True)


_BESIDE = least_width(_columns(0)) + 2
"""Cells that the text leaves: for the other columns, the cursor, the scrollbar."""

_LEAST = (24, 80)
"""Rows and columns that every script is made for."""

_WIDEST = 2_000
"""Cells of a line that can be scrolled to."""


def terminal_size(panel: Size) -> tuple[int, int]:
    """Rows and columns of the script's terminal: what the panel has room for, and at least the usual ones."""
    return max(panel.height - 1, _LEAST[0]), max(panel.width - _BESIDE, _LEAST[1])  # a row for the header


class ConsolePanel(Panel):
    """Why you look at this: the training's own words, each beside the sample during which it said them."""

    NAME, NUMBER = "Console", 5
    DEFAULT_CSS = "ConsolePanel VirtualTable { scrollbar-size-horizontal: 0; }"

    def __init__(self) -> None:
        super().__init__()
        self._reader: Reader | None = None
        self._count = 0
        self._widest = 0  # of the lines seen
        self._live: int | None = None  # the branch to which samples may still come
        self._hint = ""

    def compose(self) -> ComposeResult:
        yield VirtualTable(_columns(0), self._rows)
        yield KeyLine()

    def show(self, view: View, reader: Reader) -> None:
        """Show the lines up to the sample shown; all of them if it is the newest."""
        self._reader = reader
        old, self._count = self._count, reader.output_count()
        is_last = view.is_newest and not view.is_back
        until = self._count if is_last or not self._count else reader.output_until(view.branch, view.step)
        live, self._live = self._live, _live(view)
        known = max(old - REWRITTEN, 0) if old <= self._count and live == self._live else 0
        self.query_one(VirtualTable).show(self._count, cursor=max(until - 1, 0), changed_from=known)
        hint = "the script waits for input: i" if view.status.waits_for_input else "i types"
        self._hint = hint if view.commands and view.status.has_terminal else ""
        self._retitle()
        if not view.status.has_terminal:
            self.end_typing()

    def begin_typing(self) -> None:
        """Open the line whose keys go to the script's terminal."""
        line = self.query_one(KeyLine)
        line.display = True
        line.focus()

    def end_typing(self) -> None:
        """Close that line."""
        line = self.query_one(KeyLine)
        if line.has_focus:
            self.take_focus()
        line.display = False

    def _rows(self, start: int, stop: int) -> list[Row]:
        if self._reader is None:
            return []
        ended = {each.id: each.steps for each in self._reader.branches() if each.id != self._live}
        lines = self._reader.output(start, stop)
        widest = min(max((cell_len(line.text) for line in lines), default=0), _WIDEST)
        if widest > self._widest:
            self._widest = widest
            self.call_later(self._widen)
        return [_row(line, ended.get(line.branch)) for line in lines]

    def _widen(self) -> None:
        """Let the longest line be scrolled to."""
        self.query_one(VirtualTable).set_columns(_columns(self._widest))
        self._retitle()

    def _retitle(self) -> None:
        scroll = "← → scroll  " if self._widest > self.content_size.width - _BESIDE else ""
        self.titled(f"{self._count:,} lines" if self._count else "nothing printed yet", scroll + self._hint)


class KeyLine(Input):
    """A line for the script's terminal: edited here, sent as a whole."""

    DEFAULT_CSS = "KeyLine { display: none; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+d", "end_of_file", "end of file", show=False),
        Binding("ctrl+c", "interrupt", "interrupt", show=False),
        Binding("escape", "leave", "leave", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(
            placeholder="Enter sends · Ctrl-D end of file · Ctrl-C interrupt · Esc leaves", compact=True
        )

    async def action_submit(self) -> None:
        self._press("\r")

    def action_end_of_file(self) -> None:
        self._press("\x04")

    def action_interrupt(self) -> None:
        self.clear()
        self._press("\x03")

    def action_leave(self) -> None:
        assert isinstance(self.parent, ConsolePanel)
        self.parent.end_typing()

    def _press(self, key: str) -> None:
        self.post_message(KeysTyped(self.value + key))
        self.clear()


def _live(view: View) -> int | None:
    is_over = view.status.exit_code is not None or view.status.state in ("finished", "failed", "lost")
    return None if is_over else view.status.branch


def _row(line: OutputLine, steps: int | None) -> Row:
    """A line; `steps` is how many samples its branch has, None if there may come more."""
    sample = "start" if line.step < 0 else "after" if steps is not None and line.step >= steps else line.step + 1
    sign = {2: "!", LOGGED: "•"}.get(line.stream, "")
    return Row((str(sample), sign, line.text), kind="warning" if line.is_error else "")
