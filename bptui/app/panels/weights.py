"""Weight, gradient and loss over the run, with where they are now."""

from __future__ import annotations

import math

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from bptui.app.numbers import cell, direction, norm_cell, number
from bptui.app.panels.panel import Panel
from bptui.app.panels.series import over_each_other, series
from bptui.app.view import View
from bptui.app.widgets.plot_widget import Plot
from bptui.recording.reader import Reader
from bptui.records import RecordedSample, TensorSummary
from bptui.where import place

_SERIES = (("weight_after", "weight", " after"), ("grad", "grad", ""), ("loss", "loss", ""))
"""(quantity, label, what is said of it) of each plot."""

_LABEL, _NUMBER, _NORM, _CHANGE = 13, 12, 10, 12


class WeightsPanel(Panel):
    """Why you look at this: whether the weight moves, how far, and whether it settles."""

    NAME, NUMBER = "Weights", 3

    DEFAULT_CSS = """
    WeightsPanel .series { height: 1fr; min-height: 2; max-height: 8; padding: 0 1; }
    WeightsPanel Static { height: 1; }
    WeightsPanel Plot { height: 1fr; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            for quantity, _, _ in _SERIES:
                with Vertical(id=f"series-{quantity}", classes="series"):
                    yield Static()
                    yield Plot()

    def show(self, view: View, reader: Reader) -> None:
        """Draw the run so far; numbers are those of the sample shown, changes since the one shown before."""
        # Inside of a sample, these are those of the one before.
        here = place(view.sample) if view.inside is not None and view.sample is not None else ""
        over = f"branch {view.branch}, and {view.over} over it" if view.over is not None else ""
        self.titled(" · ".join(filter(None, (here, over))))
        for quantity, label, aside in _SERIES:
            row = self.query_one(f"#series-{quantity}")
            row.query_one(Static).update(_line(view, quantity, label, aside))
            plot = row.query_one(Plot)
            shown = view.branch, view.steps
            if view.over is None:
                plot.show(*series(reader, *shown, quantity, plot.columns_wanted))
            else:
                other = view.over, reader.steps(view.over)
                plot.show(*over_each_other(reader, shown, other, quantity, plot.columns_wanted))


def _line(view: View, quantity: str, label: str, aside: str) -> Content:
    now, before = (_quantity(sample, quantity) for sample in (view.sample, view.before))
    mark = direction(now, before)
    is_norm = now.item is None if now is not None else view.has_several and quantity != "loss"
    value = norm_cell(now, _NORM) if now is not None and is_norm else cell(now, _NUMBER)
    label = f"‖{label}‖{aside}" if is_norm else f"{label}{aside}"
    told = mark, _change(now, before)
    if view.over is not None:  # how far the other branch is from this one
        other = _quantity(view.other, quantity)
        told = str(view.over), _change(other, now) or ("=" if other and now else "–")
    return Content.assemble(
        label, " " * (_LABEL + _NUMBER - len(label) - value.cell_length), value,
        (f" {told[0]} ", "bold $text-accent"), told[1],
    )  # fmt: skip


def _quantity(sample: RecordedSample | None, name: str) -> TensorSummary | None:
    return sample.quantities.get(name) if sample else None


def _change(now: TensorSummary | None, before: TensorSummary | None) -> str:
    """The change since the last stop, with its sign."""
    if now is None or before is None or now.item is None or before.item is None or now.item == before.item:
        return ""
    change = now.item - before.item
    return ("+" if 0 < change < math.inf else "") + number(change, _CHANGE - 1)
