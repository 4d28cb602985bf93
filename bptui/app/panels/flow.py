"""Gradient norms by layer in forward order, on a logarithmic axis."""

from __future__ import annotations

import math

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from bptui.app.numbers import norm
from bptui.app.panels.inspected import Inspected
from bptui.app.panels.layers import Layer, layers
from bptui.app.panels.measured import MARK_STYLES, Measured, measured, unknown
from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.app.widgets.bar_chart import BarChart
from bptui.app.widgets.bars import Bar
from bptui.recording.reader import Reader

_NUMBER = 7
"""Cells of a norm."""


class FlowPanel(Panel):
    """Why you look at this: whether the gradient vanishes or explodes on its way back, and where."""

    NAME, NUMBER = "Flow", 8
    DEFAULT_CSS = "FlowPanel Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self) -> None:
        super().__init__()
        self._measured = Measured()
        self._layers: tuple[Layer, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static()
        yield BarChart()

    def show(self, view: View, reader: Reader) -> None:
        """Draw the gradients of the sample shown, or the last ones measured before it."""
        self._measured = measured(view, reader)
        chart = self.query_one(BarChart)
        names = tuple([parameter.name for parameter in self._measured.parameters])
        self._layers, count = layers(names, chart.room)
        chart.bars = tuple(map(self._bar, self._layers))
        many = f", {count} a bar" if count > 1 else ""
        whose = f"{self._measured.place} · " if self._measured.place else ""
        what = unknown(view) or f"{whose}by layer{many}"
        self.titled(what, self._measured.note or "gradients as the updates used them")
        self._tell_cursor()

    def inspected(self, view: View, reader: Reader) -> tuple[str, Inspected]:
        """The layer at the cursor in full."""
        if not self._layers:
            return "", ()
        layer = self._layers[self.query_one(BarChart).cursor]
        return layer.path, self._measured.quantities(layer.members)

    @on(BarChart.CursorMoved)
    def _tell_cursor(self) -> None:
        """Say in words what the bar at the cursor is."""
        if not self._layers:
            return
        layer = self._layers[self.query_one(BarChart).cursor]
        norms, (mark, count) = self._measured.together(layer.members), self._measured.worst(layer.members)
        grad = norms.grad if norms else None
        number = norm(grad, _NUMBER)
        log10 = f"{math.log10(grad):.1f}" if grad and math.isfinite(grad) else ""
        marked = f"{count} of {len(layer.members)} {mark}  " if mark else ""
        line = Content.assemble(
            "‖grad‖ ", number.pad_left(_NUMBER - number.cell_length), f"  log10 {log10:>5}  ",
            (marked, f"bold $text-{MARK_STYLES.get(mark, 'muted')}"), (layer.path, "bold"),
        )  # fmt: skip
        self.query_one(Static).update(line)

    def _bar(self, layer: Layer) -> Bar:
        norms, (mark, _) = self._measured.together(layer.members), self._measured.worst(layer.members)
        grad = norms.grad if norms else None
        if grad and math.isfinite(grad):
            return Bar(layer.path, math.log10(grad), mark, MARK_STYLES.get(mark, ""))
        return Bar(layer.path, None, mark or "?", MARK_STYLES.get(mark, "muted"))
