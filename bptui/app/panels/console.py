"""What the training printed, line by line."""

from __future__ import annotations

from textual.app import ComposeResult

from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.virtual_table import Column, Row, VirtualTable
from bptui.recording.reader import OutputLine, Reader


class ConsolePanel(Panel):
    """Why you look at this: the training's own words, each beside the sample during which it said them."""

    NAME, NUMBER = "Console", 5

    def __init__(self) -> None:
        super().__init__()
        self._reader: Reader | None = None
        self._count = 0

    def compose(self) -> ComposeResult:
        columns = (Column("sample", 7), Column("", 1, "left"), Column("printed", 10, "left", grow=True))
        yield VirtualTable(columns, self._rows)

    def show(self, view: View, reader: Reader) -> None:
        """Show the lines up to the sample shown; all of them if it is the newest."""
        self._reader = reader
        old, self._count = self._count, reader.output_count()
        until = self._count if view.is_newest or not self._count else reader.output_until(view.branch, view.step)
        table = self.query_one(VirtualTable)
        table.show(self._count, cursor=max(until - 1, 0), changed_from=old if old <= self._count else 0)
        self.titled(f"{self._count:,} lines" if self._count else "nothing printed yet")

    def _rows(self, start: int, stop: int) -> list[Row]:
        return [_row(line) for line in self._reader.output(start, stop)] if self._reader else []


def _row(line: OutputLine) -> Row:
    sample = str(line.step + 1) if line.step >= 0 else "start"
    return Row((sample, "!" if line.is_error else "", line.text), kind="warning" if line.is_error else "")
