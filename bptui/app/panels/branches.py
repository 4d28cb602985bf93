"""The branches of a run: where each was forked, what was changed there, what became of its loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from bptui.app.messages import BranchChosen, BranchCompared
from bptui.app.numbers import number
from bptui.app.panels.fitting import Shown, fitting
from bptui.app.panels.panel import Panel
from bptui.app.panels.series import over_each_other
from bptui.app.view import View
from bptui.app.widgets.plot import bars
from bptui.app.widgets.plot_widget import Plot
from bptui.app.widgets.virtual_table import Cell, Column, Row, VirtualTable
from bptui.recording.reader import Reader
from bptui.records import Branch, RecordedSample

_LOSS = 10

_HISTORY = 16

_MARGIN = 2
"""Cells of the table that are no column's."""

COLUMNS = {
    "branch": Shown(Column("", 3), 0),
    "from": Shown(Column("from", 6), 2),
    "what": Shown(Column("what is other", 12, "left", grow=True), 0),
    "samples": Shown(Column("samples", 7), 1),
    "loss": Shown(Column("loss", _LOSS), 1),
    "history": Shown(Column("", _HISTORY, "left"), 3),
}
"""The history of the loss is drawn where there is room, on one scale for all branches."""


class BranchesPanel(Panel):
    """Why you look at this: what would have become of it, had something been otherwise."""

    NAME, NUMBER = "Branches", "H"

    DEFAULT_CSS = """
    BranchesPanel VirtualTable { height: auto; max-height: 60%; }
    BranchesPanel #difference { height: 1; padding: 0 1; }
    BranchesPanel Plot { height: 1fr; min-height: 2; max-height: 8; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._branches: tuple[Branch, ...] = ()
        self._view: View | None = None
        self._reader: Reader | None = None
        self._columns = COLUMNS
        self._histories: dict[int, str] = {}

    def compose(self) -> ComposeResult:
        yield VirtualTable(tuple(shown.column for shown in COLUMNS.values()), self._rows)
        yield Static(id="difference")
        yield Plot()

    def show(self, view: View, reader: Reader) -> None:
        """Draw all branches, and the selected one over the one that is shown."""
        self._view, self._reader, self._branches = view, reader, reader.branches()
        table = self.query_one(VirtualTable)
        fitted = fitting(COLUMNS, table.size.width - _MARGIN)
        if fitted != self._columns:
            self._columns = fitted
            table.set_columns(tuple(shown.column for shown in fitted.values()))
        self._histories = _histories(reader, self._branches) if "history" in fitted else {}
        table.show(len(self._branches))
        self.titled(f"{len(self._branches)}", "Enter: go to it" if view.can_return else "")
        self._compare()

    @on(VirtualTable.CursorMoved)
    def _select(self, event: VirtualTable.CursorMoved) -> None:
        event.stop()
        self._compare()

    @on(VirtualTable.Activated)
    def _choose(self, event: VirtualTable.Activated) -> None:
        event.stop()
        if event.index < len(self._branches):
            chosen = self._branches[event.index]
            self.post_message(BranchChosen(chosen.id, chosen.steps))

    def _compare(self) -> None:
        """Lay the selected branch over the one that is shown."""
        if self._view is None or self._reader is None or not self._branches:
            return
        shown = self._view.branch
        own = next(each for each in self._branches if each.id == shown)
        other = self._branches[min(self.query_one(VirtualTable).cursor, len(self._branches) - 1)]
        if (other.id if other.id != shown else None) != self._view.over:
            self.post_message(BranchCompared(other.id))
        self.query_one("#difference", Static).update(self._difference(own, other))
        plot = self.query_one(Plot)
        pair = (own.id, own.steps), (other.id, other.steps)
        ranges, bad, edited, over = over_each_other(self._reader, *pair, "loss", plot.columns_wanted)
        plot.show(ranges, bad, edited, over if other.id != own.id else ())

    def _difference(self, own: Branch, other: Branch) -> Content:
        assert self._reader is not None
        if other.id == own.id:
            return Content.styled(f"loss of branch {own.id}, which is shown", "$text-primary")
        at = min(own.steps, other.steps)
        losses = [_loss(self._reader.sample(each.id, at - 1)) for each in (own, other)]
        told: list[Content | tuple[str, str]] = [
            (f"branch {own.id}", "$text-primary"), Content(" and "), (f"{other.id}", "bold $text-accent"),
        ]  # fmt: skip
        if at and None not in losses:
            difference = losses[1] - losses[0]  # type: ignore[operator]
            sign = "+" if difference > 0 else ""
            told.append(Content(f"   at sample {at:,}: {sign}{number(difference, _LOSS).strip()}"))
        return Content.assemble(*told)

    def _rows(self, start: int, stop: int) -> list[Row]:
        return [self._row(each) for each in self._branches[start:stop]]

    def _row(self, branch: Branch) -> Row:
        assert self._view is not None and self._reader is not None
        mark = "▶" if branch.id == self._view.status.branch else " "
        forked = f"{branch.parent}: {branch.forked:,}" if branch.forked else ""
        sample = self._reader.sample(branch.id, branch.steps - 1)
        cells: dict[str, Cell] = {
            "branch": f"{mark} {branch.id}", "from": forked, "what": Content(branch.reason),
            "samples": f"{branch.steps:,}", "loss": _cell(_loss(sample)),
            "history": self._histories.get(branch.id, ""),
        }  # fmt: skip
        return Row(tuple(cells[name] for name in self._columns))


def _histories(reader: Reader, branches: Sequence[Branch]) -> dict[int, str]:
    """The course of each branch's loss, all on one scale."""
    longest = max((each.steps for each in branches), default=0)
    parts = [
        reader.columns(each.id, each.steps, "loss", max(1, _HISTORY * each.steps // max(longest, 1)))
        for each in branches
    ]
    drawn = iter(bars([math.nan if column.bad else column.max for part in parts for column in part]))
    return {each.id: "".join(islice(drawn, len(part))) for each, part in zip(branches, parts, strict=True)}


def _loss(sample: RecordedSample | None) -> float | None:
    loss = sample.quantities.get("loss") if sample else None
    return float(loss.item) if loss is not None and loss.item is not None else None


def _cell(loss: float | None) -> Cell:
    if loss is None:
        return Content.styled("–", "$text-muted")
    return Content.styled(number(loss, _LOSS), "" if math.isfinite(loss) else "bold $text-error")
