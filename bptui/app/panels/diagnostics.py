"""What is wrong with the training, since when, and what to try."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from bptui.app.messages import FindingChosen
from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.virtual_table import Column, Row, VirtualTable
from bptui.diagnostics import Finding
from bptui.recording.reader import Reader

_COLUMNS = (Column("", 1, "left"), Column("samples", 9), Column("diagnosis", 20, "left", grow=True))


class DiagnosticsPanel(Panel):
    """Why you look at this: to know what goes wrong before you know where to look."""

    NAME, NUMBER = "Diagnostics", "D"
    DEFAULT_CSS = """
    DiagnosticsPanel {
        VirtualTable { height: 1fr; min-height: 3; }
        Static { height: auto; max-height: 60%; padding: 0 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._findings: tuple[Finding, ...] = ()
        self._step = -1
        self._told: tuple[str, str] | None = None

    def compose(self) -> ComposeResult:
        yield VirtualTable(_COLUMNS, self._rows, header=False)
        yield Static()

    def show(self, view: View, reader: Reader) -> None:
        """Draw what was found, as it was at the sample shown."""
        self._findings, self._step = view.findings, view.step
        count = f"{view.diagnoses} open of {len(self._findings)}" + (
            f", and {view.crowd} more" if view.crowd else ""
        )
        unread = f"looked at {view.diagnosed:,} of {view.steps:,} samples" if view.diagnosed < view.steps else ""
        nothing = "nothing found" if view.steps else ""
        self.titled(count if self._findings else nothing, unread or "Enter: go there" * bool(self._findings))
        self.query_one(VirtualTable).show(len(self._findings))
        self._tell()

    def _rows(self, start: int, stop: int) -> list[Row]:
        return [_row(each, self._step) for each in self._findings[start:stop]]

    @on(VirtualTable.CursorMoved)
    def _tell(self) -> None:
        """Say of the row at the cursor what was measured, why it matters and what to try."""
        table = self.query_one(VirtualTable)
        if table.cursor >= len(self._findings):
            self.query_one(Static).update("")
            return
        found = self._findings[table.cursor]
        advice = (f"  → {found.advice}", "$text-accent")
        self.query_one(Static).update(Content.assemble((found.said, "bold"), advice, f"  {found.why}"))

    @on(VirtualTable.Activated)
    def _go(self, event: VirtualTable.Activated) -> None:
        event.stop()
        self.post_message(FindingChosen(self._findings[event.index]))


def _row(found: Finding, step: int) -> Row:
    is_open = found.holds_at(step)
    sign = "!" if is_open else "✔" if found.since <= step else "…"
    until = "" if found.until is None else f"{found.until}"  # the last one of which it is so
    what = Content.assemble((found.rule, "bold"), "  ", found.subject)
    return Row((sign, f"{found.since + 1}–{until:<3}", what), kind="warning" if is_open else "muted")
