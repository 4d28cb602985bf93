"""The breakpoints: what they wait for, how often they have hit, what is wrong with them."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from bptui.app.messages import BreakpointsEdited, BreakpointWanted
from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.virtual_table import Cell, Column, Row, VirtualTable
from bptui.breakpoints import free_id, parse_breakpoint
from bptui.expressions import parse
from bptui.recording.reader import Reader
from bptui.records import Breakpoint, Hit, Hits

COLUMNS = (
    Column("", 1),
    Column("no", 2),
    Column("stops at", 12, "left", grow=True),
    Column("hits", 5),
    Column("last", 6),
    Column("each", 6, "left"),
)

BUILT_IN = {"X": "nan", "m": "norm", "k": "spike", "Z": "frozen", "U": "nograd"}
"""Kinds that a key in this panel sets, and takes away; keys that do nothing elsewhere."""


class _Table(VirtualTable):
    BINDINGS = [
        Binding("delete,backspace,minus", "change('drop')", "Stop there no more", show=False),
        Binding("space", "change('turn')", "On or off", show=False),
        Binding("plus", "change('ignore')", "Pass over one more hit", show=False),
        Binding("a", "change('add')", "Add one", show=False),
        *(Binding(key, f"built_in('{text}')", f"Stop at {text}", show=False) for key, text in BUILT_IN.items()),
    ]

    def action_change(self, what: str) -> None:
        assert isinstance(self.parent, BreakpointsPanel)
        self.parent.change(what, self.cursor)

    def action_built_in(self, text: str) -> None:
        assert isinstance(self.parent, BreakpointsPanel)
        self.parent.toggle(text)


class BreakpointsPanel(Panel):
    """Why you look at this: to know where the training will stop, and what it has met until now."""

    NAME, NUMBER = "Breakpoints", "B"

    def __init__(self) -> None:
        super().__init__()
        self._breakpoints: tuple[Breakpoint, ...] = ()
        self._hits: dict[int, Hits] = {}
        self._now: tuple[int, ...] = ()
        self._last: dict[int, Hit] = {}
        self._known: tuple[tuple[int, int], tuple[tuple[int, Hit], ...]] = ((-1, -1), ())

    def compose(self) -> ComposeResult:
        yield _Table(COLUMNS, self._rows)

    def show(self, view: View, reader: Reader) -> None:
        """Draw the breakpoints of the training as it is, wherever one looks."""
        status = view.status
        self._breakpoints, self._now = status.breakpoints, status.hit
        self._hits = {each.id: each for each in status.hits}
        self._last = {}
        if not view.commands and not status.breakpoints:
            self._show_recorded(reader, view.branch, reader.steps(view.branch))
        self.query_one(VirtualTable).show(len(self._breakpoints))
        built_in = " ".join(f"{key} {text}" for key, text in BUILT_IN.items())
        problems = (
            f"! {each.id}: {self._hits[each.id].problem}" for each in self._breakpoints if self._problem(each)
        )
        keys = "a add · ⏎ edit · ␣ off · - drop · + skip" if self._breakpoints else built_in
        title = "a: add one" if view.commands and not self._breakpoints else ""
        self.titled(next(problems, title), keys if view.commands else "")

    def _show_recorded(self, reader: Reader, branch: int, steps: int) -> None:
        """Those that have hit, of a recording without a session: it is read anew only when there is more of it."""
        if self._known[0] != (branch, steps):
            self._known = (branch, steps), reader.breakpoints_hit(branch)
        rows = list(enumerate(self._known[1], 1))  # another may have got the number of one that was dropped
        self._breakpoints = tuple(Breakpoint(row, hit.text) for row, (_, hit) in rows)
        self._hits = {row: Hits(row, count, hit.step + 1) for row, (count, hit) in rows}
        self._last = {row: hit for row, (_, hit) in rows}

    def _problem(self, each: Breakpoint) -> bool:
        return each.id in self._hits and bool(self._hits[each.id].problem)

    def change(self, what: str, row: int) -> None:
        """Add one, or change the one in a row."""
        if what == "add":
            self.post_message(BreakpointWanted(None))
        elif row < len(self._breakpoints):
            old = self._breakpoints[row]
            count = self._hits[old.id].count if old.id in self._hits else 0
            new = {
                "turn": replace(old, is_enabled=not old.is_enabled),
                "ignore": replace(old, ignore=max(old.ignore, count) + 1),
            }.get(what)
            self._replace(old, new)

    def toggle(self, text: str) -> None:
        """Stop at one of a kind, or no more."""
        known = next((each for each in self._breakpoints if each.text == text), None)
        if known is not None:
            self._replace(known, None)
        else:
            new = parse_breakpoint(text, free_id(self._breakpoints))
            self.post_message(BreakpointsEdited((*self._breakpoints, new)))

    def _replace(self, old: Breakpoint, new: Breakpoint | None) -> None:
        changed = (new if each is old else each for each in self._breakpoints)
        self.post_message(BreakpointsEdited(tuple(each for each in changed if each is not None)))

    @on(VirtualTable.Activated)
    def _edit(self, event: VirtualTable.Activated) -> None:
        event.stop()
        if event.index < len(self._breakpoints):
            self.post_message(BreakpointWanted(self._breakpoints[event.index]))

    def _rows(self, start: int, stop: int) -> list[Row]:
        return [self._row(each) for each in self._breakpoints[start:stop]]

    def _row(self, each: Breakpoint) -> Row:
        hits, last = self._hits.get(each.id, Hits(each.id)), self._last.get(each.id)
        number, looked = (str(last.breakpoint), "") if last else (str(each.id), looked_at(each))
        text = Content.assemble(each.text, (f"  {last.place}", "$text-muted")) if last else _text(each, hits)
        return Row(
            (_sign(each, each.id in self._now), number, text, _count(each, hits),
             f"{hits.at:,}" if hits.at >= 0 else "–", looked),
            kind="" if each.is_enabled else "muted",
        )  # fmt: skip


def _sign(each: Breakpoint, is_here: bool) -> Cell:
    if is_here:
        return Content.styled("▶", "bold $text-warning")
    sign = "•" if each.message else "●"
    return Content.styled(
        sign if each.is_enabled else "○", "bold $text-error" if each.is_enabled else "$text-muted"
    )


def _text(each: Breakpoint, hits: Hits) -> Cell:
    once = "once: " if each.is_temporary else ""
    problem = f"  ! {hits.problem}" if hits.problem else ""
    meaning = f"  {each.condition}" if each.condition not in ("", each.text) and not each.message else ""
    return Content.assemble(once, each.text, (problem, "$text-warning"), (meaning, "$text-muted"))


def _count(each: Breakpoint, hits: Hits) -> str:
    left = each.ignore - hits.count
    return f"{hits.count}-{left}" if left > 0 else str(hits.count)


def looked_at(each: Breakpoint) -> str:
    """After what its condition is looked at: each line, op or sample."""
    if each.line:
        return "line"
    is_inside = bool(each.condition) and parse(each.condition).is_inside
    return "op" if is_inside else "sample"


def cost(each: Breakpoint) -> str:
    """What that costs, if it is much; as `python -m benchmarks breakpoints` tells of a net of 50 small layers."""
    if each.line:
        return "While it waits for a line, all of Python is slower: a sample takes about 1.3 times as long."
    if looked_at(each) == "op":
        return "It is looked at after every op: a sample takes about 10 times as long if its ops are small."
    return ""
