"""Which row of the Gradients table is which sample, and what stands in it."""

from __future__ import annotations

import bisect
from collections.abc import Mapping

from textual.content import Content

from bptui.app.numbers import cell, nonfinite, norm, norm_cell, norm_of, number, shape, styled
from bptui.app.panels import rates
from bptui.app.panels.fitting import Shown
from bptui.app.widgets.virtual_table import Cell, Column, Row
from bptui.recording.reader import EpochEnd, Reader
from bptui.records import LOSSES, Kind, RecordedSample, TensorSummary

_ORDER = (
    "epoch", "sample", "update_number", "input", "target", "output", "loss", "grad", "by_hand", "difference",
    "weight",
)  # fmt: skip
"""All columns from left to right; the difference is autograd's gradient minus the one by hand."""

_NUMBERS = {
    "epoch": Shown(Column("epoch", 5), 0, 0),
    "sample": Shown(Column("sample", 6), 0, 0),
    "update_number": Shown(Column("update", 6), 2, 0),
    "input": Shown(Column("input", 5), 4, 3),
    "target": Shown(Column("target", 6), 6, 3),
    "output": Shown(Column("output", 6), 3, 3),
    "loss": Shown(Column("loss", 8), 1),
    "grad": Shown(Column("grad", 8), 1),
    "by_hand": Shown(Column("by hand", 8), 2),
    "difference": Shown(Column("Δ", 6), 5),
    "weight": Shown(Column("weight", 6), 2),
}
"""The columns of a training with one parameter, whose quantities are numbers."""

_DATA = ("input", "target", "output")
_END = 8
"""Cells of a number in the line of an epoch's end."""

_PASSES = 8
"""Of a sample of more backward passes than these not all losses have columns."""

_STATISTICS = 12
"""Cells of mean and standard deviation."""


def columns(sample: RecordedSample | None, passes: int = 1) -> dict[str, Shown]:
    """The columns for samples like this one, as wide as its kinds want; before the first those that all have.

    Args:
        sample: The sample.
        passes: How many backward passes a sample has: the losses of those before the last have columns, too.
    """
    kinds = sample.layout.kinds if sample else {}
    found = {"epoch", "sample", "loss", *kinds}
    if all(name in kinds and kinds[name].is_one for name in ("grad", "by_hand")):
        found.add("difference")
    shown: dict[str, Shown] = {}
    for name in _ORDER:
        if name == "loss":
            shown |= {f"loss {i}": Shown(Column(f"loss {i}", 8), 2 + i) for i in range(1, min(passes, _PASSES))}
        if name in found:
            shown[name] = _column(name, kinds.get(name))
    if sample and sample.rates:
        shown["lr"] = Shown(Column("lr", rates.width(sample.rates)), 3, least=rates.ONE)
    return shown


def passes_of(sample: RecordedSample) -> int:
    """How many backward passes a sample had."""
    losses = sample.quantities.get(LOSSES)
    return losses.numel if losses else 1


def _column(name: str, kind: Kind | None) -> Shown:
    """A number; a norm, and its label says so; or shape, mean and standard deviation."""
    plain = _NUMBERS[name]
    if kind is None or kind.is_one:
        return plain
    label = plain.column.label
    if name not in _DATA:
        # Parameters and Weights show the norm of the weight, too.
        rank = plain.rank + (_PASSES if name == "weight" else 0)
        return Shown(Column(f"‖{label}‖", max(plain.column.width, len(label) + 2)), rank)
    return Shown(Column(label, len(shape(kind)) + 1 + _STATISTICS, "left"), plain.rank + 1)


class GradientRows:
    """The rows of a branch: its samples, and after each epoch a line with what it came to.

    Attributes:
        branch: The branch.
        steps: How many samples it has.
        count: How many rows that makes.
        columns: The columns shown.
        breakpoints: The samples of every epoch that are marked, by their index.
    """

    def __init__(
        self,
        reader: Reader,
        branch: int,
        steps: int,
        columns: Mapping[str, Shown],
        breakpoints: frozenset[int] = frozenset(),
    ) -> None:
        self._reader = reader
        self.branch, self.steps, self.columns, self.breakpoints = branch, steps, columns, breakpoints
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
        cells = {name: _cell(name, sample, shown) for name, shown in self.columns.items()}
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


def _cell(name: str, sample: RecordedSample, shown: Shown) -> Cell:
    if name == "epoch":
        return str(sample.epoch)
    if name == "sample":
        return str(sample.index + 1)
    if name == "difference":
        return _difference(sample, shown)
    if name == "update_number":
        return _update(sample)
    if name.startswith("loss "):
        return _loss(sample, int(name.removeprefix("loss ")), shown)
    if name == "lr":
        return _rates(sample, shown)
    quantity, width = sample.quantities.get(name), shown.column.width
    if quantity is not None and name in _DATA and quantity.mean is not None and quantity.item is None:
        return styled(f"{shape(quantity)} {_statistics(quantity)}", quantity)
    if quantity is not None and shown.column.label.startswith("‖"):
        return norm_cell(quantity, width, shown.decimals)
    return cell(quantity, width, shown.decimals)


def _update(sample: RecordedSample) -> Cell:
    """The number of the update that the sample ends with; of a micro-batch, a dot."""
    number = sample.quantities.get("update_number")
    if number is None:
        return str(sample.step + 1)
    return str(int(number.item)) if number.item else Content.styled("·", "$text-muted")


def _loss(sample: RecordedSample, number: int, shown: Shown) -> Cell:
    """The loss of a backward pass before the last one, by its number from 1."""
    losses = sample.quantities.get(LOSSES)
    loss = losses.values[number - 1] if losses and number < losses.numel else None
    return norm(loss, shown.column.width, shown.decimals)


def _rates(sample: RecordedSample, shown: Shown) -> Cell:
    """The learning rates of the sample's update; of a micro-batch, a dot."""
    number = sample.quantities.get("update_number")
    if number is not None and not number.item:
        return Content.styled("·", "$text-muted")
    return rates.in_cells(sample.rates, shown.column.width) or Content.styled("–", "$text-muted")


def _statistics(quantity: TensorSummary) -> str:
    """Mean and standard deviation, or what is not finite."""
    assert quantity.mean is not None
    return nonfinite(quantity) or f"{number(quantity.mean, 6, 3)}±{number(quantity.std or 0.0, 5, 3)}"


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
        if (quantity := quantities.get(name)) is not None:
            is_one = quantity.item is not None
            value = quantity.item if quantity.item is not None else norm_of(quantity)
            facts.append(f"{label if is_one else f'‖{label}‖'} {'–' if value is None else number(value, _END)}")
    return Row((), kind="rule", span=Content(f"── {' · '.join(facts)}"))
