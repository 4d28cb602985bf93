"""What stands in the Parameters table: its columns, and the row of a parameter or of a folded module."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from textual.content import Content

from bptui.app.numbers import exponential, norm, shape, short, spark
from bptui.app.panels.fitting import Shown
from bptui.app.panels.measured import MARK_STYLES, Measured
from bptui.app.panels.parameter_norms import joined
from bptui.app.panels.parameter_tree import Item
from bptui.app.widgets.virtual_table import Cell, Column, Row
from bptui.recording import buckets
from bptui.records import Parameter

History = Callable[[Sequence[int], int], tuple[tuple[buckets.Column, ...], ...]]
"""Gives the gradient norms over the run of some parameters, each in so many columns at most."""

ORDER_OF = {"name": "name", "shape": "size", "weight": "weight", "grad": "grad", "ratio": "ratio",
            "log": "ratio", "run": "grad", "mark": "grad"}  # fmt: skip
"""What a click on the label of a column sorts by."""

_MOST_SUMMED = 256
"""The history of a module of more parameters is not drawn: each costs a read."""

_SPARK, _NUMBER, _MARK = 7, 7, 8

_NAME = (17, 36)
"""Cells of a name, at least and at most, as long as other columns give way."""


def columns(parameters: Iterable[Parameter], longest: int, order: str, reverse: bool) -> dict[str, Shown]:
    """All columns, with the sign of the order at the one that is sorted by, for names of so many cells."""
    kinds = [{parameter.dtype for parameter in parameters}, {parameter.device for parameter in parameters}]
    differ = [2 if len(kind) > 1 else 7 for kind in kinds]
    sign = "▴" if reverse != (order == "name") else "▾"

    def column(name: str, label: str, width: int, rank: int, justify: Literal["left", "right"] = "right") -> Shown:
        is_sorted = ORDER_OF.get(name) == order and name not in ("log", "run", "mark")
        return Shown(Column(label + sign * is_sorted, width, justify, grow=name == "name"), rank)

    return {
        "name": column("name", "parameter", max(_NAME[0], min(longest, _NAME[1])), 0, "left"),
        "shape": column("shape", "shape", 9, 4),
        "dtype": column("dtype", "dtype", 8, differ[0], "left"),
        "device": column("device", "device", 6, differ[1], "left"),
        "weight": column("weight", "‖w‖", _NUMBER, 3),
        "grad": column("grad", "‖grad‖", _NUMBER, 0),
        "mark": column("mark", "", _MARK, 1, "left"),
        "ratio": column("ratio", "Δw:w", _NUMBER, 2),
        "log": column("log", "log10", 5, 6),
        "run": column("run", "history", _SPARK, 5, "left"),
    }


@dataclass(frozen=True)
class ParameterRows:
    """Draws rows of one moment.

    Attributes:
        measured: What is known of all parameters.
        numels: How many elements each of them has.
        names: The columns shown.
        folded: The modules that are folded, by their path.
        history: Asked for the parameters on screen alone.
    """

    measured: Measured
    numels: Sequence[int]
    names: Sequence[str]
    folded: frozenset[str]
    history: History

    def of(self, items: Sequence[Item]) -> list[Row]:
        """The rows of these items."""
        sparks = self._sparks(items) if "run" in self.names else {}
        return [self._row(item, sparks.get(item.path, "")) for item in items]

    def _row(self, item: Item, history: str) -> Row:
        cells = self._numbers(item)
        rest = {name: self._fact(name, item, history) for name in self.names if name not in cells}
        return Row(tuple((cells | rest)[name] for name in self.names))

    def _fact(self, name: str, item: Item, history: str) -> Cell:
        match name:
            case "name":
                return self._name(item)
            case "shape":
                return self._shape(item)
            case "mark":
                return self._mark(item)
            case "run":
                return Content.styled(history, "$text-primary")
            case _:
                return _common({getattr(self.measured.parameters[i], name) for i in item.members})

    def _name(self, item: Item) -> Cell:
        indent = " " * item.depth
        if not item.is_module:
            return indent + item.label
        sign = "▸ " if item.path in self.folded else "▾ "
        return Content.assemble(indent, sign, item.label, (f" ({len(item.members)})", "$text-muted"))

    def _shape(self, item: Item) -> Cell:
        """The shape of a parameter; of a module, how many elements."""
        if item.is_module:
            return Content.styled(short(sum([self.numels[i] for i in item.members])), "$text-muted")
        return shape(self.measured.parameters[item.members[0]])

    def _numbers(self, item: Item) -> dict[str, Cell]:
        norms, share = self.measured.together(item.members), self.measured.ratio(item.members)
        if norms is None:
            return dict.fromkeys(("weight", "grad", "ratio", "log"), "")
        return {
            "weight": norm(norms.weight, _NUMBER),
            "grad": norm(norms.grad, _NUMBER),
            "ratio": exponential(share, 1) if share and math.isfinite(share) else norm(share, _NUMBER, 0),
            "log": f"{math.log10(share):.1f}" if share and math.isfinite(share) else "",
        }

    def _mark(self, item: Item) -> Cell:
        worst, count = self.measured.worst(item.members)
        style = f"bold $text-{MARK_STYLES[worst]}" if worst else ""
        counted = f"{count} {worst}" if item.is_module and worst else worst
        return Content.styled(counted if len(counted) <= _MARK else worst, style)

    def _sparks(self, items: Sequence[Item]) -> dict[str, str]:
        """The gradient norms over the run, by path."""
        drawn = [item for item in items if len(item.members) <= _MOST_SUMMED]
        wanted = sorted({i for item in drawn for i in item.members})
        histories = dict(zip(wanted, self.history(wanted, _SPARK), strict=True))
        return {item.path: _spark(_summed([histories[i] for i in item.members])) for item in drawn}


def _spark(norms: Sequence[buckets.Column]) -> str:
    """The bars of a history; of one that is zero throughout, at the foot."""
    drawn = spark(norms)
    return drawn if any(column.max or column.bad for column in norms) else re.sub(r"[▁-█]", "▁", drawn)


def _common(kinds: set[str]) -> str:
    return kinds.pop() if len(kinds) == 1 else f"{len(kinds)} kinds"


def _summed(histories: Sequence[tuple[buckets.Column, ...]]) -> Sequence[buckets.Column]:
    """The norm of several parameters over the run: exact where a column is one sample, else its bounds."""
    if len(histories) == 1:
        return histories[0]
    return [
        buckets.Column(
            joined(each.min for each in column),
            joined(each.max for each in column),
            any(each.bad for each in column),
            any(each.edited for each in column),
        )
        for column in zip(*histories, strict=True)
    ]
