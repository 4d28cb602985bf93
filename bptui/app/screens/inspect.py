"""The tensors of a row in full: every digit, shape, statistics, values."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from bptui.app.numbers import nonfinite, shape, styled
from bptui.app.panels.panel import Inspected
from bptui.app.screens.dialog import Dialog
from bptui.records import TensorSummary

_FRAME = 12
"""Cells beside the values: border, padding, indent, scrollbar."""

_LABEL = 12
"""Cells that the names have at least."""

_STATISTICS = ("min", "max", "mean", "std", "norm")


class Inspect(Dialog[None]):
    """Shows named quantities in full."""

    DEFAULT_CSS = "Inspect Static { width: auto; }"
    BINDINGS = [("x,q,enter", "dismiss(None)", "close")]

    def __init__(self, title: str, quantities: Inspected) -> None:
        super().__init__()
        self._title = title
        self._quantities = quantities

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = "Esc close"
            width = self.app.size.width - _FRAME
            longest = max(_LABEL, *(len(name) for name, _ in self._quantities))
            lines = [_described(f"{name:<{longest}} ", part, width) for name, part in self._quantities]
            yield Static(Content("\n").join(lines))


def _described(name: str, summary: TensorSummary | str, room: int) -> Content:
    label = Content.styled(name, "bold")
    if isinstance(summary, str):
        return label + summary
    kind = f"{shape(summary)}  {summary.dtype}  {summary.device}"
    if summary.item is not None:
        value = styled(f"{summary.item!r:<24}", summary)
        return Content.assemble(label, value, (kind, "$text-muted"))
    head = Content.assemble(label, f"{kind}  ", (nonfinite(summary), "bold $text-error"))
    return Content("\n").join([head, *_statistics(summary), *_values(summary, room)])


def _statistics(summary: TensorSummary) -> list[Content]:
    parts = [f"{name} {getattr(summary, name)!r}" for name in _STATISTICS if getattr(summary, name) is not None]
    if summary.values or not summary.numel:  # else nothing but the norm is known
        parts.append(f"zeros {summary.zeros} of {summary.numel}")
    return [Content("  " + part) for part in parts]


def _values(summary: TensorSummary, room: int) -> list[Content]:
    if not summary.values:
        return [Content("  no values were kept")] if summary.numel else []
    head = "values" if summary.is_exact else f"{len(summary.values)} of {summary.numel} values, evenly spaced"
    width = max(len(repr(value)) for value in summary.values)
    fit = max(1, (room + 2) // (width + 2))
    row = summary.shape[-1] if summary.shape and len(summary.values) == summary.numel else fit
    per_line = row if row <= fit else fit
    lines = [
        "  ".join(f"{value!r:>{width}}" for value in summary.values[i : i + per_line])
        for i in range(0, len(summary.values), per_line)
    ]
    return [Content(f"  {head}"), *(Content(f"    {line}") for line in lines)]
