"""The op, node or update at which a sample has stopped: what went in and what came out."""

from __future__ import annotations

from textual.app import ComposeResult

from bptui.app.numbers import nonfinite, number, shape, styled
from bptui.app.panels.inspected import Inspected, Quantity
from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.virtual_table import Cell, Column, Row, VirtualTable
from bptui.protocol import TensorRef
from bptui.recording.reader import Reader
from bptui.records import FIRST, InsideStop, Part, TensorSummary
from bptui.where import place_inside

_NUMBER, _SPREAD = 11, 9

_COLUMNS = (
    Column("", 12, "left"),
    Column("name", 10, "left", grow=True),
    Column("shape", 8, "left"),
    Column("value, mean ± std", _NUMBER + 3 + _SPREAD, "left", grow=True),
)


class OpPanel(Panel):
    """Why you look at this: what one op, one node or one update made of what."""

    NAME, NUMBER = "Op", 0

    def __init__(self) -> None:
        super().__init__()
        self._stop: InsideStop | None = None

    def compose(self) -> ComposeResult:
        yield VirtualTable(_COLUMNS, self._rows, header=False)

    def show(self, view: View, reader: Reader) -> None:
        """Draw the stop inside the sample, if there is one."""
        del reader
        stop, table = view.inside, self.query_one(VirtualTable)
        is_other = stop is not self._stop
        self._stop = stop
        if stop is None:
            self.titled("press o: one op; n: one phase" if view.is_paused else "")
        else:
            more = f"{stop.left_out} more parameters" if stop.left_out else ""
            aside = view.status.detail.removeprefix(FIRST) if view.status.detail.startswith(FIRST) else more
            self.titled(f"{place_inside(stop)}{'  raised' if stop.error else ''}", stop.error or aside)
        table.show(len(stop.parts) if stop else 0, cursor=0 if is_other else None)

    def inspected(self, view: View, reader: Reader) -> tuple[str, Inspected]:
        """All parts of the stop in full."""
        if self._stop is None:
            return super().inspected(view, reader)
        parts = self._stop.parts
        return self._stop.op, tuple(
            Quantity(
                f"{each.role} {each.name}".strip(), each.summary or each.text, TensorRef("part", at, each.name)
            )
            for at, each in enumerate(parts)
        )

    def _rows(self, start: int, stop: int) -> list[Row]:
        return [_row(part) for part in self._stop.parts[start:stop]] if self._stop else []


def _row(part: Part) -> Row:
    summary = part.summary
    return Row((part.role, part.name, shape(summary) if summary else "", _value(summary, part.text)))


def _value(summary: TensorSummary | None, text: str) -> Cell:
    if summary is None:
        return text
    if summary.item is not None:
        return styled(f"{number(summary.item, _NUMBER):>{_NUMBER}}", summary)
    if summary.mean is None or summary.std is None:
        return nonfinite(summary)
    mean, spread = number(summary.mean, _NUMBER), number(summary.std, _SPREAD)
    return styled(nonfinite(summary) or f"{mean:>{_NUMBER}} ± {spread}", summary)
