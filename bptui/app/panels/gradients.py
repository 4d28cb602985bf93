"""The table of samples: one row each, through the whole recording."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.events import Resize

from bptui.app.lesson_text import lesson_text
from bptui.app.messages import StepSelected
from bptui.app.panels.fitting import Shown, fitting
from bptui.app.panels.gradient_rows import GradientRows, columns, passes_of
from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.virtual_table import VirtualTable
from bptui.breakpoints import sample_index
from bptui.recording.reader import Reader

_MARGIN = 2
"""Cells beside the columns: the mark of the row and the scrollbar."""


class GradientsPanel(Panel):
    """Why you look at this: how loss, gradient and weight go from sample to sample."""

    NAME, NUMBER = "Gradients", 2

    def __init__(self) -> None:
        super().__init__()
        self._rows: GradientRows | None = None
        self._columns: dict[str, Shown] = {}
        self._step = -1
        self._passes = 1  # the most that were seen, so that columns stay while one steps

    def compose(self) -> ComposeResult:
        yield VirtualTable(source=lambda start, stop: self._rows.rows(start, stop) if self._rows else [])

    def show(self, view: View, reader: Reader) -> None:
        """Draw the samples of the branch, at the one that is shown."""
        same = self._rows is not None and self._rows.branch == view.branch
        old_steps = self._rows.steps if same and self._rows else 0
        self._step = view.step
        marked = frozenset(i for each in view.status.breakpoints if (i := sample_index(each)) is not None)
        same = same and self._rows is not None and self._rows.breakpoints == marked
        self._rows = GradientRows(reader, view.branch, view.steps, self._columns, marked)
        self._fit(view)
        table = self.query_one(VirtualTable)
        at = self._rows.row_of(view.step) if view.step >= 0 else None
        changed = self._rows.row_of(max(old_steps - 1, 0)) if same else 0
        table.show(self._rows.count, cursor=at, current=at, changed_from=changed)
        empty = "press s to run the first sample" if view.awaits_first else "no sample"
        count = f"{view.steps:,} sample{'s' * (view.steps > 1)}" if view.steps else empty
        asides = [f"branch {view.branch}"] if view.branch else []
        asides += ["weight before the update"] if "weight" in self._columns else []
        asides += ["l: what to look at"] if view.awaits_first and lesson_text(view, reader) else []
        self.titled(count, " · ".join(asides))

    def stop_at(self, view: View) -> str:
        """The sample that is shown, of every epoch."""
        return f"sample {view.sample.index + 1}" if view.sample else ""

    @on(VirtualTable.CursorMoved)
    def _tell_step(self, event: VirtualTable.CursorMoved) -> None:
        event.stop()
        if self._rows is not None and self._rows.count:
            step = self._rows.step_at(event.index)
            if event.index == self._rows.row_of(self._step) + 1:
                step = self._step + 1  # over the line of an epoch's end, which is no sample
            self.post_message(StepSelected(self._rows.branch, step))

    def on_resize(self, event: Resize) -> None:
        self._columns = {}

    def _fit(self, view: View) -> None:
        """Show the columns that fit and that this loop has, the dearer first."""
        table = self.query_one(VirtualTable)
        if view.sample:
            self._passes = max(self._passes, passes_of(view.sample))
        found = fitting(columns(view.sample, self._passes), table.size.width - _MARGIN)
        if found != self._columns and self._rows is not None:
            self._columns = self._rows.columns = found
            table.set_columns(tuple(shown.column for shown in found.values()))
