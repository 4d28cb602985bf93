"""The variables of a frame as rows of a table."""

from __future__ import annotations

from textual.content import Content

from bptui.app.numbers import DOWN, SAME, UP, direction, nonfinite, number, shape, styled
from bptui.app.panels.inspected import Inspected, Quantity
from bptui.app.widgets.virtual_table import Column, Row
from bptui.protocol import TensorRef
from bptui.records import Frame, Local, TensorSummary

_NUMBER, _SPREAD = 9, 7
_CHANGED = "≠"
"""The mark of what is another text than at the last stop."""

COLUMNS = (
    Column("local", 8, "left", grow=True),
    Column("kind", 13, "left", grow=True),
    Column("", 1, "left"),
    Column("value, mean ± std", _NUMBER + 3 + _SPREAD, "left", grow=True),
)


def row(local: Local, before: Frame | None) -> Row:
    """A variable in a row, marked if it has changed since the frame of the stop before."""
    mark = _mark(local, next((old for old in before.locals if old.name == local.name), None) if before else None)
    style = "bold $text-accent" if mark in (UP, DOWN, _CHANGED) else ""
    return Row((_label(local.name), _kind(local), Content.styled(mark, style), _value(local)))


def same_frame(one: Frame, other: Frame) -> bool:
    """Whether both are calls of the same function."""
    return (one.function, one.place.path) == (other.function, other.place.path)


def inspected(frame: Frame, index: int, number: int) -> tuple[str, Inspected]:
    """A variable of a frame in full; of a container, what it holds."""
    local = frame.locals[index]
    inside = (f"{local.name}[", f"{local.name}.")
    chosen = [other for other in frame.locals if other is local or other.name.startswith(inside)]
    title = f"{local.name}  {local.kind} {local.text}".rstrip()
    return title, tuple(
        Quantity(
            other.name, other.summary or f"{other.kind} {other.text}", TensorRef("variable", number, other.name)
        )
        for other in chosen
        if other.summary is not None or _is_unread(other)
    )


def _is_unread(local: Local) -> bool:
    """Whether it is a tensor that was too large to be summarised at the stop."""
    return local.text == "too large to be read here"


def _mark(local: Local, before: Local | None) -> str:
    if before is None:
        return SAME
    if local.summary is not None and before.summary is not None and local.summary.shape == before.summary.shape:
        grown = direction(local.summary, before.summary)
        return grown if grown != SAME or local.summary == before.summary else _CHANGED
    return SAME if _kind(local) == _kind(before) and local.text == before.text else _CHANGED


def _label(name: str) -> str:
    """The name; of a part, how it is had from the row above it."""
    part = min((place for place in map(name.find, "[.") if place > 0), default=0)
    return f"  {name[part:]}" if part else name


def _kind(local: Local) -> str:
    summary = local.summary
    return f"{shape(summary)} {summary.dtype}" if summary and summary.shape else local.kind


def _value(local: Local) -> Content:
    summary = local.summary
    if summary is None:
        return Content(local.text)
    if summary.item is not None:
        return styled(f"{number(summary.item, _NUMBER):>{_NUMBER}}", summary)
    return styled(_spread(summary), summary)


def _spread(summary: TensorSummary) -> str:
    if summary.mean is None or summary.std is None:
        return nonfinite(summary) or "empty"
    spread = f"{number(summary.mean, _NUMBER):>{_NUMBER}} ± {number(summary.std, _SPREAD)}"
    return f"{nonfinite(summary)}, else {spread.lstrip()}" if summary.nonfinite else spread
