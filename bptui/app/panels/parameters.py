"""The parameters, one row each, as a tree by module or sorted: their norms, gradients and updates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from bptui.app.numbers import short
from bptui.app.panels.fitting import Shown, fitting
from bptui.app.panels.folding import leads_to, unfolded
from bptui.app.panels.inspected import Inspected
from bptui.app.panels.measured import Measured, measured, unknown
from bptui.app.panels.panel import Panel
from bptui.app.panels.parameter_norms import ORDERS, in_order, matches
from bptui.app.panels.parameter_rows import ORDER_OF, History, ParameterRows, columns
from bptui.app.panels.parameter_tree import Item, folds_to_fit, leaf, shown_name, tree
from bptui.app.view import View
from bptui.app.widgets.tree_table import TreeTable
from bptui.app.widgets.virtual_table import Row, VirtualTable
from bptui.recording.reader import Reader
from bptui.records import Parameter

_MARGIN = 2
"""Cells beside the columns: the mark of the row and the scrollbar."""

_SCREENS = 2
"""A tree opens by itself as deep as fits so many screens."""

_SIGN = 6
"""Cells beside the name of a module."""

_ASIDE = "‖w‖ after the update  / filter  > sort  ← fold  → unfold"


class ParametersPanel(Panel):
    """Why you look at this: which layer learns too fast, too slowly or not at all, and where NaN begins."""

    NAME, NUMBER = "Parameters", 7
    DEFAULT_CSS = """
    ParametersPanel Input { display: none; height: 1; border: none; padding: 0; background: $surface; }
    ParametersPanel Input.-open { display: block; }
    ParametersPanel VirtualTable { height: 1fr; }
    """
    BINDINGS = [Binding("escape", "clear_filter", "Clear the filter", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._measured = Measured()
        self._unknown = ""
        self._history: History = lambda indexes, count: ((),) * len(indexes)
        self._order, self._reverse, self._pattern = ORDERS[0], False, ""
        self._kept: list[int] = []
        self._tree: tuple[Item, ...] = ()
        self._longest = 0
        self._numels: list[int] = []
        self._kinds: tuple[Parameter, ...] = ()  # one of each dtype and device
        self._folded: frozenset[str] | None = None  # by the user; None for as deep as fits
        self._folds: frozenset[str] = frozenset()
        self._items: list[Item] = []
        self._columns: dict[str, Shown] = {}
        self._fitting: dict[int, frozenset[str]] = {}  # what fits, by the rows there are
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield TreeTable(source=self._rows)
        field = Input(placeholder="part of a name, or a pattern: *.bias")
        field.cursor_blink = False
        yield field

    def show(self, view: View, reader: Reader) -> None:
        """Draw the statistics of the sample shown, or the last ones before it."""
        before, self._measured = self._measured, measured(view, reader)
        self._unknown = unknown(view)
        if before.parameters != self._measured.parameters:
            self._numels = [math.prod(each.shape) for each in self._measured.parameters]
            self._kinds = tuple({(each.dtype, each.device): each for each in self._measured.parameters}.values())
            self._grow()
        self._history = partial(reader.parameter_columns, view.branch, view.steps)
        shown = self._measured, view.branch, view.steps, self.query_one(TreeTable).size
        if shown != self._shown:
            self._shown = shown
            self._draw()

    def stop_at(self, view: View) -> str:
        """The selected parameter."""
        item = self._items[self.query_one(TreeTable).cursor] if self._items else None
        return f"param {item.path}" if item is not None and not item.is_module else ""

    def inspected(self, view: View, reader: Reader) -> tuple[str, Inspected]:
        """The selected row in full."""
        if not self._items:
            return "", ()
        item = self._items[self.query_one(TreeTable).cursor]
        return item.path, self._measured.quantities(item.members)

    # -- what is shown ---------------------------------------------------------------------------------

    def _grow(self) -> None:
        """Make the tree of what the filter keeps."""
        wanted = matches(self._pattern)
        names = [each.name for each in self._measured.parameters]
        self._kept = [i for i, name in enumerate(names) if wanted(shown_name(i, name))]
        self._tree, self._fitting = tree(names, self._kept), {}
        self._longest = _longest(self._tree)

    @property
    def _is_tree(self) -> bool:
        return self._order == "forward" and not self._reverse

    def _arranged(self) -> list[Item]:
        """The tree as it is folded; a list, if it is sorted."""
        if self._is_tree:
            self._folds = self._folds_now()
            return unfolded(self._tree, self._folds)
        parameters, norms = self._measured.parameters, self._measured.norms
        kept = in_order(self._order, self._reverse, parameters, norms, self._kept)
        return [leaf(i, parameters[i].name) for i in kept]

    def _folds_now(self) -> frozenset[str]:
        if self._folded is not None:
            return self._folded
        rows = self.query_one(TreeTable).size.height - 1
        if rows not in self._fitting:
            self._fitting[rows] = frozenset() if self._pattern else folds_to_fit(self._tree, _SCREENS * rows)
        return self._fitting[rows]

    def _draw(self) -> None:
        """Draw the table; its cursor stays at the parameter it is at."""
        table = self.query_one(TreeTable)
        path = self._items[table.cursor].path if self._items else ""
        self._items = self._arranged()
        self._set_columns(table)
        cursor = next((i for i, item in enumerate(self._items) if item.path == path), None)
        table.show(len(self._items), cursor=cursor)
        parts = [self._measured.place] if self._measured.place else []
        parts.append(self._unknown or self._how_many())
        self.titled(" · ".join(parts), self._measured.note or _ASIDE)

    def _how_many(self) -> str:
        parameters = self._measured.parameters
        if self._pattern:
            return f"{len(self._kept):,} of {len(parameters):,} with {self._pattern!r}"
        return f"{len(parameters):,} · {short(sum(self._numels))} elements"

    def _set_columns(self, table: TreeTable) -> None:
        longest = self._longest if self._is_tree else _longest(self._items)
        every = columns(self._kinds, longest, self._order, self._reverse)
        fitted = fitting(every, table.size.width - _MARGIN)
        if fitted != self._columns:
            self._columns = fitted
            table.set_columns(tuple(shown.column for shown in fitted.values()))

    def _rows(self, start: int, stop: int) -> list[Row]:
        rows = ParameterRows(self._measured, self._numels, tuple(self._columns), self._folds, self._history)
        return rows.of(self._items[start:stop])

    # -- folding ---------------------------------------------------------------------------------------

    @on(VirtualTable.Activated)
    def _toggle(self, event: VirtualTable.Activated) -> None:
        item = self._items[event.index]
        if item.is_module:
            event.stop()
            self._fold(item, item.path not in self._folds)

    @on(TreeTable.Folding)
    def _fold_or_move(self, event: TreeTable.Folding) -> None:
        """Fold or unfold; what is so already leads to the module around it, or to what is inside."""
        event.stop()
        item = self._items[event.index]
        if item.is_module and (item.path in self._folds) != event.fold:
            self._fold(item, event.fold)
        else:
            event.table.action_move(leads_to(self._items, event.index, fold=event.fold) - event.index)

    def _fold(self, item: Item, fold: bool) -> None:
        self._folded = self._folds | {item.path} if fold else self._folds - {item.path}
        self._draw()

    # -- order and filter ------------------------------------------------------------------------------

    def sort_next(self) -> None:
        """Sort by the next of `ORDERS`."""
        self._sort(ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)])

    def turn_order(self) -> None:
        """Sort the other way round."""
        self._sort(self._order, not self._reverse)

    def _sort(self, order: str, reverse: bool = False) -> None:
        self._order, self._reverse = order, reverse
        self._draw()
        self.query_one(TreeTable).action_move_first()

    @on(VirtualTable.HeaderClicked)
    def _sort_by(self, event: VirtualTable.HeaderClicked) -> None:
        """Sort by a column; again, the other way round; once more, in forward order."""
        order = ORDER_OF.get(tuple(self._columns)[event.column])
        if order == self._order:
            self._sort(*((ORDERS[0], False) if self._reverse else (order, True)))
        elif order is not None:
            self._sort(order)

    def ask_filter(self) -> None:
        """Open the line at the foot."""
        field = self.query_one(Input)
        field.add_class("-open")
        field.focus()

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self._pattern, self._folded = event.value.strip(), None
        self._grow()
        self._draw()

    @on(Input.Submitted)
    def action_leave_filter(self) -> None:
        self.take_focus()
        field = self.query_one(Input)
        field.set_class(bool(field.value.strip()), "-open")

    def action_clear_filter(self) -> None:
        self.query_one(Input).value = ""
        self.action_leave_filter()


def _longest(items: Sequence[Item]) -> int:
    """Cells of the longest name, folded or not, so that no column moves when a module is folded."""
    return max([item.depth + len(item.label) + _SIGN * item.is_module for item in items], default=0)
