"""A tensor on the whole screen: statistics, heat map, histogram, and a grid that goes through any slice of it."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from bptui.app import inspected_texts as texts
from bptui.app.actions import INSPECTING
from bptui.app.panels.inspected import Inspected as Quantities
from bptui.app.panels.inspected import Quantity
from bptui.app.recorded_tensor import histogram, recorded
from bptui.app.view import View, where
from bptui.app.widgets.heat_map import HeatMap
from bptui.app.widgets.histogram import Histogram
from bptui.app.widgets.number_grid import NumberGrid
from bptui.app.widgets.virtual_table import Column, Row, VirtualTable
from bptui.protocol import (
    Answer,
    BadIndex,
    Command,
    Inspected,
    SaveTensor,
    TensorCounted,
    TensorRef,
    TensorSaved,
    parse_index,
)
from bptui.protocol import Inspect as Question
from bptui.records import TensorSummary
from bptui.where import place

_KIND, _LONGEST = 22, 40
"""Cells of a tensor's kind, and of the names at most."""

_GONE = "the training does not stand there any more: only what was recorded is known"
_RUNS = "the training runs: this was recorded at its last stop; pause it (p) to see tensors in full"
_PAST = "only what was recorded is known here; tensors in full are where the training stands"

_NOTHING = Quantity("", "")
_NOWHERE = TensorRef("row", 0, "")

_REQUESTS = itertools.count(os.getpid() << 20)
"""Answers go to every app that looks: each asks under numbers of its own."""


class Inspect(Screen[None]):
    """Shows one tensor after another of those that belong to what was selected."""

    AUTO_FOCUS = "NumberGrid"
    BINDINGS: ClassVar = [
        *(action.binding for action in INSPECTING),
        Binding("question_mark,f1", "app.help", "help", show=False),
    ]
    DEFAULT_CSS = """
    Inspect {
        layout: vertical;
        & > .title { height: 1; text-style: bold; background: $panel; padding: 0 1; }
        & > VirtualTable { max-height: 30%; scrollbar-size-horizontal: 0; }
        & > .about { height: auto; min-height: 2; max-height: 5; padding: 0 1; }
        & > .pictures { height: 2fr; min-height: 4; margin: 0 1; }
        & > .pictures HeatMap { width: 3fr; margin-right: 2; }
        & > .pictures Histogram { width: 2fr; }
        & > .scale { height: 1; padding: 0 1; color: $text-muted; }
        & > NumberGrid { height: 3fr; }
        & > .cell { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > .keys { height: 1; padding: 0 1; background: $panel; }
        & > Input { display: none; height: 1; padding: 0 1; background: $surface; }
        &.-asks > Input { display: block; }
        &.-asks > .keys { display: none; }
        &.-single > VirtualTable { max-height: 70%; }
        &.-single > .pictures, &.-single > .scale { display: none; }
        &.-words > VirtualTable { max-height: 80%; }
        &.-words > .pictures, &.-words > .scale, &.-words > NumberGrid, &.-words > .cell { display: none; }
    }
    """

    def __init__(self, title: str, quantities: Quantities, view: View, send: Callable[[Command], None]) -> None:
        """Show the first of some quantities that has numbers.

        Args:
            title: Of what they are.
            quantities: Their recorded summaries, and where they are in the debuggee.
            view: What is shown: the tensors themselves can be had where the training stands.
            send: Takes what is asked of the debuggee.
        """
        super().__init__()
        self._title = title if view.sample and title == place(view.sample) else f"{title}  {where(view)}"
        self._facts = [each for each in quantities if each.is_fact]
        self._tensors = [each for each in quantities if not each.is_fact]
        self._at = next((i for i, each in enumerate(self._tensors) if _has_several(each)), 0)
        self._branch, self._stop = view.branch, view.status.stop
        self._is_live = view.is_paused and not view.looks_back
        self._why = "" if self._is_live else _RUNS if view.is_moving else _PAST
        self._send = send
        self._index = ""
        self._shown = Inspected(0)
        self._counted: TensorSummary | None = None
        self._asked = self._asked_for_all = self._bins = 0
        self._compares = self._is_looking = False
        self._problem = ""
        self._on_input: Callable[[str], None] = lambda text: None

    def compose(self) -> ComposeResult:
        yield Static(Content(f"Inspect  {self._title}"), classes="title")
        table = VirtualTable((), self._rows, header=False)
        table.can_focus = False
        table.styles.height = len(self._tensors) + len(self._facts)
        yield table
        yield Static(classes="about")
        with Horizontal(classes="pictures"):
            yield HeatMap()
            yield Histogram()
        yield Static(classes="scale")
        yield NumberGrid(texts.CELL)
        yield Static(classes="cell")
        field = Input(compact=True)
        field.cursor_blink = False
        yield field
        shown = [action for action in INSPECTING if action.footer]
        keys = [part for each in shown for part in ((each.key, "bold $text-accent"), f" {each.label}  ")]
        yield Static(Content.assemble(*keys), classes="keys")

    def on_mount(self) -> None:
        self._list()

    @on(NumberGrid.Resized)
    def _resized(self, event: NumberGrid.Resized) -> None:
        event.stop()
        if self.query_one(Histogram).bins != self._bins:
            self._open()
        else:
            self._ask()

    # -- which tensor ----------------------------------------------------------------------------------

    @property
    def _quantity(self) -> Quantity:
        return self._tensors[self._at] if self._tensors else _NOTHING

    @property
    def _ref(self) -> TensorRef | None:
        return self._quantity.ref if self._is_live else None

    def _rows(self, start: int, stop: int) -> list[Row]:
        return [Row(texts.row_of(each)) for each in (*self._tensors, *self._facts)[start:stop]]

    def _list(self) -> None:
        table = self.query_one(VirtualTable)
        count = len(self._tensors) + len(self._facts)
        table.styles.height = count
        longest = max(len(each.name) for each in (*self._tensors, *self._facts))
        names = Column("", min(longest, _LONGEST), "left")
        table.set_columns((names, Column("", _KIND, "left"), Column("", 20, "left", grow=True)))
        table.show(count, cursor=self._at, current=self._at if self._tensors else None)

    def action_next_tensor(self) -> None:
        self._choose(self._at + 1)

    def action_previous_tensor(self) -> None:
        self._choose(self._at - 1)

    @on(VirtualTable.CursorMoved)
    def _clicked(self, event: VirtualTable.CursorMoved) -> None:
        event.stop()
        self._choose(min(event.index, len(self._tensors) - 1))

    def _choose(self, at: int) -> None:
        before, self._at = self._quantity, at % max(1, len(self._tensors))
        if not (before.ref and self._quantity.ref and before.ref.name == self._quantity.ref.name):
            self._index = ""
            self.query_one(NumberGrid).begin()
        self._list()
        self._open()

    def _add_parts(self, parts: tuple[str, ...]) -> None:
        """List what else there is of the tensor: its gradient, update, state."""
        ref = self._quantity.ref
        assert ref is not None
        known = {each.ref for each in self._tensors}
        others = [TensorRef(ref.kind, ref.index, ref.name, part) for part in parts]
        new = [Quantity(f"{other.name} {other.part}", "", other) for other in others if other not in known]
        if new:
            last = max(i for i, each in enumerate(self._tensors) if each.ref in (ref, *others))
            self._tensors[last + 1 : last + 1] = new
            self._list()

    def follow(self, view: View) -> None:
        """The training may have gone on, or be over."""
        is_there = view.is_paused and (view.status.branch, view.status.stop) == (self._branch, self._stop)
        if self._is_live and not is_there:
            self._is_live, self._why, self._index = False, _GONE, ""
            self.query_one(NumberGrid).begin()
            self._open()

    # -- asking ----------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Show the tensor anew, with its statistics."""
        self._problem, self._counted, self._bins = "", None, self.query_one(Histogram).bins
        self._ask(bins=self._bins)

    def _ask(self, *, bins: int = 0, is_mapped: bool = True, find: bool = False) -> None:
        """Ask for a window; the answer comes soon, statistics later."""
        grid = self.query_one(NumberGrid)
        grid.cell_width = 3 * (texts.CELL + 1) - 1 if self._compares else texts.CELL
        self._asked = next(_REQUESTS)
        self._asked_for_all = self._asked if bins else self._asked_for_all
        question = Question(
            self._asked, self._branch, self._stop, self._ref or _NOWHERE, self._index, grid.first, grid.room,
            self.query_one(HeatMap).room if is_mapped else (0, 0), bins, find, grid.cursor,
        )  # fmt: skip
        if self._ref is not None:
            self._send(question)
        else:
            self._look_up(question)

    def _look_up(self, question: Question) -> None:
        """Answer from what was recorded."""
        value = self._quantity.value
        if isinstance(value, TensorSummary):
            self._counted = value
            self._accept(recorded(question, value, self._quantity.before, self._quantity.before_steps))
            self._count(histogram(value, self.query_one(Histogram).bins))
        else:
            self._shown = Inspected(0)
            self._draw()

    def take(self, answer: Answer) -> None:
        """The debuggee has answered; of what was superseded nothing is shown."""
        match answer:
            case Inspected(request=self._asked, problem=problem, device="") if problem and self._is_live:
                self._fall_back(answer)
            case Inspected(request=self._asked) if self._is_live:
                self._accept(answer)
                self._add_parts(answer.parts)
            case TensorCounted(request=self._asked_for_all) if self._is_live:
                self._counted = answer.summary
                self._count(answer.bins)
                self._tell_about()
            case TensorSaved(request=self._asked):
                self._tell(answer.text.replace(f"{Path.cwd()}/", "./"), is_wrong=not answer.is_done)

    def _fall_back(self, answer: Inspected) -> None:
        """The tensor itself can not be had, or not this slice of it: show what was recorded of it, and say so."""
        if self._index:  # it was another tensor's
            self._index = ""
            self.query_one(NumberGrid).begin()
            self._open()
            return
        is_recorded = isinstance(self._quantity.value, TensorSummary)
        self._problem = answer.problem + "; this was recorded of it" * is_recorded
        grid, heat = self.query_one(NumberGrid), self.query_one(HeatMap)
        self._look_up(Question(0, 0, 0, _NOWHERE, "", grid.first, grid.room, heat.room))

    def _accept(self, answer: Inspected) -> None:
        if answer.heat or answer.index != self._shown.index:
            self.query_one(HeatMap).rows = answer.heat
        self._problem = answer.problem or self._problem
        self._shown, self._index = answer, answer.index
        grid = self.query_one(NumberGrid)
        grid.cursor = answer.found or grid.cursor
        grid.show(texts.grid_of(answer, self.query_one(HeatMap).scale, compares=self._compares))
        self._draw()
        if self._is_looking and answer.found is None:
            self._tell(f"all elements of {self._quantity.name} are finite")
        self._is_looking = False

    def _count(self, bins: tuple[int, ...]) -> None:
        drawn, summary = self.query_one(Histogram), self._counted
        drawn.counts = bins
        low, high = (summary.min, summary.max) if summary else (None, None)
        drawn.ends = ("", "") if low is None or high is None or not bins else (f"{low:.4g}", f"{high:.4g}")

    def _draw(self) -> None:
        """Say in words what is shown, and where."""
        self._tell_about()
        self.query_one(".scale", Static).update(
            Content(texts.scale_of(self._shown, self.query_one(HeatMap).scale))
        )
        self._tell_cell()

    def _tell_about(self) -> None:
        """Say what is shown; without numbers, that is all there is."""
        shown, quantity = self._shown, self._quantity
        has_numbers = bool(shown.values)
        self.set_class(not has_numbers, "-words")
        self.set_class(shown.size == (1, 1), "-single")
        summary = self._counted if has_numbers else None
        fact = "" if has_numbers else texts.fact(quantity)
        notes = [note for note in (self._problem, self._why if quantity.ref and not self._is_live else "") if note]
        if 0 in shown.shape:
            notes.append("it has no elements")
        about = texts.about_tensor(quantity.name, shown, fact, notes)
        if has_numbers:
            about = Content("\n").join([about, texts.statistics(summary)])
        self.query_one(".about", Static).update(about)

    def _tell_cell(self) -> None:
        cursor = self.query_one(NumberGrid).cursor
        self.query_one(".cell", Static).update(texts.about_cell(self._quantity.name, self._shown, cursor))

    def _tell(self, text: str, *, is_wrong: bool = False) -> None:
        """Say something in the place of the element, until the cursor moves."""
        self.query_one(".cell", Static).update(Content.styled(text, "bold $text-error" if is_wrong else "bold"))

    # -- where in it -----------------------------------------------------------------------------------

    @on(NumberGrid.Moved)
    def _moved(self, event: NumberGrid.Moved) -> None:
        event.stop()
        if event.is_beyond:
            self._ask(is_mapped=False)
        self._tell_cell()

    def action_next_slice(self) -> None:
        self._walk(1)

    def action_previous_slice(self) -> None:
        self._walk(-1)

    def _walk(self, by: int) -> None:
        """Go along the dimensions of which one index is shown, the last of them first."""
        if self._shown.values:
            self._show_slice(texts.neighbour(self._shown, by))

    def action_index(self) -> None:
        self._prompt("index", self._index, self._show_slice)

    def _show_slice(self, text: str) -> None:
        try:
            parse_index(text, self._shown.dims)
        except BadIndex as problem:
            self._tell(str(problem), is_wrong=True)
            return
        self._index = text
        self.query_one(NumberGrid).begin()
        self._ask()

    def action_next_nonfinite(self) -> None:
        if self._ref is not None and self._shown.values:
            self._is_looking = True
            self._ask(find=True)

    def action_compare(self) -> None:
        self._compares = not self._compares
        self._ask()

    # -- out of it -------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(texts.as_lines(self._shown))
        rows, columns = len(self._shown.values), max(map(len, self._shown.values), default=0)
        self._tell(f"copied {rows}×{columns} numbers of {self._quantity.name}{self._shown.index}")

    def action_write(self) -> None:
        if self._ref is None:
            self._tell("only the tensor itself can be written: where the training stands", is_wrong=True)
            return
        name = re.sub(r"[^\w.]+", "-", f"{self._ref.name or self._quantity.name}-{self._ref.part}").strip("-")
        self._prompt("file", f"{name}.npy", self._write)

    def _write(self, text: str) -> None:
        if self._ref is not None:
            self._asked = next(_REQUESTS)
            path = str(Path.cwd() / Path(text).expanduser())
            self._send(SaveTensor(self._asked, self._branch, self._stop, self._ref, path))

    def _prompt(self, what: str, text: str, then: Callable[[str], None]) -> None:
        """Ask for a line of text."""
        field = self.query_one(Input)
        field.placeholder, field.value = what, text
        self._on_input = then
        self.add_class("-asks")
        self.set_focus(field)  # at once: the next key is its own

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self._leave_prompt()
        if event.value.strip():
            self._on_input(event.value.strip())

    def _leave_prompt(self) -> None:
        self.remove_class("-asks")
        self.set_focus(self.query_one(NumberGrid))

    def action_close(self) -> None:
        if self.has_class("-asks"):
            self._leave_prompt()
        else:
            self.dismiss(None)


def _has_several(quantity: Quantity) -> bool:
    value = quantity.value
    return not isinstance(value, TensorSummary) or (value.numel != 1 and bool(value.values))
