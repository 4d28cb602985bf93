"""The expressions that the user watches: what they are, how they have changed, what they have been."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from bptui.app.messages import WatchesEdited, WatchWanted
from bptui.app.numbers import EDITED, number
from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.plot import bars
from bptui.app.widgets.virtual_table import Cell, Column, Row, VirtualTable
from bptui.recording.reader import Reader
from bptui.records import Value

_NUMBER, _SPARK = 10, 10

POINTS = 480
"""So many of its last values are drawn."""

COLUMNS = (
    Column("expression", 10, "left", grow=True),
    Column("value", _NUMBER),
    Column("change", _NUMBER),
    Column("so far", _SPARK, "left"),
)


class _Table(VirtualTable):
    BINDINGS = [Binding("delete,backspace,minus", "remove", "Watch no more", show=False)]

    def action_remove(self) -> None:
        assert isinstance(self.parent, WatchesPanel)
        self.parent.drop(self.cursor)


class WatchesPanel(Panel):
    """Why you look at this: what you want to know at every stop, wherever else you look."""

    NAME, NUMBER = "Watches", "W"

    def __init__(self) -> None:
        super().__init__()
        self._expressions: tuple[str, ...] = ()
        self._series: dict[str, list[tuple[int, Value]]] = {}
        self._steps = 0
        self._edited: list[int] = []

    def compose(self) -> ComposeResult:
        yield _Table(COLUMNS, self._rows)

    def show(self, view: View, reader: Reader) -> None:
        """Draw what is watched, as it was at the moment shown."""
        self._expressions = view.status.watches if view.commands else reader.watched_expressions()
        at = view.step + 1
        self._steps = at
        self._edited = [edit.step for edit in reader.edits(view.branch)]
        self._series = {each: reader.watched(each, view.branch, at, POINTS) for each in self._expressions}
        self.query_one(VirtualTable).show(len(self._expressions))
        hints = ["w: watch an expression"] + ["Enter: change", "-: no more"] * bool(self._expressions)
        title = "" if self._expressions else "nothing is watched"
        self.titled(title, " · ".join(hints) if view.commands else "")

    def drop(self, row: int) -> None:
        """Watch one no more."""
        if row < len(self._expressions):
            left = [each for number, each in enumerate(self._expressions) if number != row]
            self.post_message(WatchesEdited(tuple(left)))

    @on(VirtualTable.Activated)
    def _change(self, event: VirtualTable.Activated) -> None:
        event.stop()
        if event.index < len(self._expressions):
            self.post_message(WatchWanted(self._expressions[event.index]))

    def _rows(self, start: int, stop: int) -> list[Row]:
        return [self._row(each) for each in self._expressions[start:stop]]

    def _row(self, expression: str) -> Row:
        series = self._series[expression]
        if not series:
            return Row((expression, Content.styled("–", "$text-muted"), "", ""))
        (at, now), before = series[0], series[1][1] if len(series) > 1 else None
        if now.problem:
            problem = Content.styled(now.problem.partition("\n")[0], "$text-warning")
            return Row((), span=Content.assemble(expression, "  ! ", problem))
        change = _change(now, before) if at == self._steps else Content.styled(f"then {at}", "$text-muted")
        if now.number is None:
            return Row((), span=Content.assemble((expression, "bold"), "  ", now.text))
        return Row((expression, _cell(now.number), change, _spark(series, self._edited)))


def _cell(value: float) -> Cell:
    return Content.styled(number(value, _NUMBER), "" if math.isfinite(value) else "bold $text-error")


def _change(now: Value, before: Value | None) -> Cell:
    if before is None or before.number is None or now.number is None:
        return ""
    change = now.number - before.number
    return Content.styled("0", "$text-muted") if change == 0 else number(change, _NUMBER)


def _spark(series: list[tuple[int, Value]], edited: Sequence[int]) -> Cell:
    """The values of the last samples, the oldest first; of several in a column, the largest.

    A column with the first value after something was set is marked.
    """
    numbers = [math.nan if value.number is None else value.number for _, value in reversed(series)]
    steps = [at for at, _ in reversed(series)]
    every = -(-len(numbers) // _SPARK)
    columns = [max(numbers[i : i + every]) for i in range(0, len(numbers), every)]
    marks = {bisect.bisect_right(steps, step) // every for step in edited if step >= steps[0]}
    cells = (EDITED if column in marks else bar for column, bar in enumerate(bars(columns)))
    return Content.styled("".join(cells), "$text-primary")
