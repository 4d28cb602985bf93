"""Which row of the Gradients table is which sample, and what stands in it."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from textual.content import Content

from bptui.app.numbers import cell, exact, number
from bptui.app.widgets.virtual_table import Cell, Column, Row
from bptui.recording.reader import EpochEnd, Reader
from bptui.records import RecordedSample


@dataclass(frozen=True, slots=True)
class Shown:
    """A column: how it is drawn, and how dear it is where there is little room (0 is dearest)."""

    column: Column
    decimals: int
    rank: int


COLUMNS = {
    "epoch": Shown(Column("epoch", 5), 0, 0),
    "sample": Shown(Column("sample", 6), 0, 0),
    "input": Shown(Column("input", 5), 3, 4),
    "target": Shown(Column("target", 6), 3, 6),
    "output": Shown(Column("output", 6), 3, 3),
    "loss": Shown(Column("loss", 8), 4, 1),
    "grad": Shown(Column("grad", 8), 4, 1),
    "by_hand": Shown(Column("by hand", 8), 4, 2),
    "difference": Shown(Column("Δ", 6), 4, 5),
    "weight": Shown(Column("weight", 6), 4, 2),
}
"""All columns in order. Δ is autograd's gradient minus the one by hand."""

_ALWAYS = ("epoch", "sample", "loss")


def fitting(there: set[str], width: int) -> tuple[str, ...]:
    """The columns that a loop with these quantities has and that fit, the dearest first in."""
    if {"grad", "by_hand"} <= there:
        there = there | {"difference"}
    names = [name for name in COLUMNS if name in _ALWAYS or name in there]
    while sum(COLUMNS[name].column.width + 1 for name in names) - 1 > width:
        cheapest = max(names, key=lambda name: COLUMNS[name].rank)
        if COLUMNS[cheapest].rank <= 1:
            break
        names.remove(cheapest)
    return tuple(names)


class GradientRows:
    """The rows of a branch: its samples, and after each epoch a line with what it came to.

    Attributes:
        branch: The branch.
        steps: How many samples it has.
        count: How many rows that makes.
        names: The columns shown.
        breakpoints: The samples of every epoch that are marked, by their index.
    """

    def __init__(
        self, reader: Reader, branch: int, steps: int, names: tuple[str, ...], breakpoints: tuple[int, ...] = ()
    ) -> None:
        self._reader = reader
        self.branch, self.steps, self.names, self.breakpoints = branch, steps, names, breakpoints
        # Only the epochs among these samples: the recording may be further already.
        end = reader.epoch_end_at(branch, steps)
        self._ends = end.ordinal if end else reader.epochs(branch)
        self.count = steps + self._ends

    def row_of(self, step: int) -> int:
        """The row of a sample."""
        end = self._reader.epoch_end_at(self.branch, step)
        return step + (end.ordinal if end else self._ends)

    def step_at(self, row: int) -> int:
        """The sample of a row; of an epoch's line, its last sample."""
        ends = self._ends_before(row)
        return min(row - ends, self.steps - 1) if not self._is_end(ends, row) else row - ends - 1

    def rows(self, start: int, stop: int) -> list[Row]:
        """The rows from `start` up to before `stop`."""
        stop = min(stop, self.count)
        ordinal = self._ends_before(start)
        ends = {
            _row_of_end(end): end for end in self._reader.epoch_ends(self.branch, ordinal, ordinal + stop - start)
        }
        first = start - ordinal - 1  # an epoch's line needs the sample before it
        samples = {s.step: s for s in self._reader.samples(self.branch, first, first + stop - start + 1)}
        rows = []
        for row in range(start, stop):
            if row in ends:
                rows.append(_end_row(ends[row], samples.get(ends[row].last)))
                ordinal += 1
            elif (sample := samples.get(row - ordinal)) is not None:
                rows.append(self._row(sample))
        return rows

    def _row(self, sample: RecordedSample) -> Row:
        cells = {name: _cell(name, sample) for name in self.names}
        if sample.index in self.breakpoints:
            cells["sample"] = Content.assemble(("● ", "bold $text-error"), str(sample.index + 1))
        return Row(tuple(cells.values()))

    def _ends_before(self, row: int) -> int:
        """How many epochs' lines stand before a row."""
        return bisect.bisect_left(range(self._ends), row, key=lambda ordinal: _row_of_end(self._end(ordinal)))

    def _end(self, ordinal: int) -> EpochEnd:
        return self._reader.epoch_ends(self.branch, ordinal, ordinal + 1)[0]

    def _is_end(self, ordinal: int, row: int) -> bool:
        return ordinal < self._ends and _row_of_end(self._end(ordinal)) == row


def _row_of_end(end: EpochEnd) -> int:
    return end.last + end.ordinal + 1


def _cell(name: str, sample: RecordedSample) -> Cell:
    if name == "epoch":
        return str(sample.epoch)
    if name == "sample":
        return str(sample.index + 1)
    shown = COLUMNS[name]
    if name == "difference":
        return _difference(sample, shown)
    return cell(sample.quantities.get(name), shown.column.width, shown.decimals)


def _difference(sample: RecordedSample, shown: Shown) -> Cell:
    grad, by_hand = sample.quantities.get("grad"), sample.quantities.get("by_hand")
    if grad is None or by_hand is None or grad.item is None or by_hand.item is None:
        return ""
    difference = grad.item - by_hand.item
    return "0" if difference == 0 else number(difference, shown.column.width, shown.decimals)


def _end_row(end: EpochEnd, last: RecordedSample | None) -> Row:
    quantities = last.quantities if last else {}
    facts = [f"epoch {end.epoch}"]
    for label, name in (("weight", "weight_after"), ("loss", "loss")):
        if name in quantities:
            facts.append(f"{label} {exact(quantities[name])}")
    return Row((), kind="rule", span=Content(f"── {' · '.join(facts)}"))
