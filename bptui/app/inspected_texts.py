"""What the screen that shows a tensor says in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual.content import Content

from bptui.app.numbers import nonfinite, number, shape, styled
from bptui.app.panels.inspected import Quantity
from bptui.app.widgets.number_grid import Window
from bptui.app.widgets.table_rows import Cell
from bptui.protocol import Inspected, parse_index, short_text
from bptui.records import TensorSummary

CELL = 10
"""Cells of a number in the grid."""

_DECIMALS = 5
_NEAR = 0.01, 1e5
"""Numbers of this magnitude are shown with places, others as powers of ten."""


def row_of(quantity: Quantity) -> tuple[Cell, ...]:
    """A row of the list: name, kind, value."""
    value = quantity.value
    if isinstance(value, str):
        return (quantity.name, "", value) if quantity.is_fact else (quantity.name, value, "")
    kind = f"{shape(value)} {value.dtype}"
    if value.item is not None:
        return quantity.name, kind, styled(repr(value.item), value)
    if value.mean is None or value.std is None:
        norm = "" if value.norm is None else f"‖{value.norm!r}‖"
        return quantity.name, kind, styled(nonfinite(value) or norm or "empty", value)
    spread = f"{number(value.mean, CELL)} ± {number(value.std, CELL)}"
    return quantity.name, kind, styled(nonfinite(value) or spread, value)


def fact(quantity: Quantity) -> str:
    """What is known of what has no numbers to show."""
    value = quantity.value
    if isinstance(value, str):
        return value
    if value.norm is None:
        return f"{shape(value)} {value.dtype} {value.device}"
    return f"{shape(value)} {value.dtype} {value.device}: only its norm was recorded, {value.norm!r}"


def about_tensor(name: str, shown: Inspected, fact: str, notes: Sequence[str]) -> Content:
    """What is shown of what: name, slice, shape, dtype, device; then what is to be said of it."""
    lines = [Content.assemble((name, "bold"), f"  {fact}" * bool(fact))]
    if shown.device and not fact:
        whole = "×".join(map(str, shown.shape)) or "a single number"
        name += shown.index if shown.index != "[]" and not _is_sampled(shown) else ""
        kind = f"  {whole}  {shown.dtype}  {shown.device}"
        lines = [Content.assemble((name, "bold"), kind, (f"  {shown.remark}" * bool(shown.remark), "$text-muted"))]
    return Content("\n").join([*lines, *map(_warning, notes)])


def _warning(text: str) -> Content:
    return Content.styled(text, "$text-warning")


def statistics(summary: TensorSummary | None) -> Content:
    """The statistics of the whole tensor in a line, the longest words last."""
    if summary is None:
        return Content.styled("statistics of all elements are being computed …", "$text-muted")
    if not summary.numel:
        return Content("no elements")
    names = ("min", "max", "mean", "std", "norm")
    found = [(name, getattr(summary, name)) for name in names]
    parts = [f"{name} {value:.6g}" for name, value in found if value is not None]
    if summary.mean is not None or summary.nonfinite:
        parts.append(f"zeros {summary.zeros:,} of {summary.numel:,}")
    return Content.assemble("  ".join(parts), (f"  {nonfinite(summary)}".rstrip(), "bold $text-error"))


def grid_of(shown: Inspected, most: float, *, compares: bool) -> Window:
    """The numbers as texts of equal width; beside each, if asked for, the one before and the difference.

    Args:
        shown: The answer.
        most: The magnitude of nearly all elements at most; if that is very small or large, all are powers of ten.
        compares: Whether to show the one before.
    """
    is_far = most > 0 and not _NEAR[0] <= most < _NEAR[1]
    before = shown.before if compares else ()
    cells = tuple(
        tuple(
            _triple(value, before[r][c] if r < len(before) else None, is_far) if compares else _cell(value, is_far)
            for c, value in enumerate(line)
        )
        for r, line in enumerate(shown.values)
    )
    columns = max(map(len, shown.values), default=0)
    head, labels = _head(shown, columns), _labels(shown)
    if compares:
        old = f"sample {shown.before_steps}" if shown.before_steps >= 0 else "not kept"
        head = tuple(f"{text:>{CELL}} {old:>{CELL}} {'Δ':>{CELL}}" for text in head)
    return Window(shown.size, shown.first, cells, head, labels)


def _cell(value: float, is_far: bool) -> str:
    if is_far and isinstance(value, float) and math.isfinite(value):
        return f"{value:{CELL}.3e}" if value else f"{'0':>{CELL}}"
    return f"{number(value, CELL, _DECIMALS):>{CELL}}"


def _triple(value: float, before: float | None, is_far: bool) -> str:
    if before is None:
        return f"{_cell(value, is_far)} {'–':>{CELL}} {'–':>{CELL}}"
    change = value - before
    signed = ("+" if change > 0 else "") + (number(change, CELL - 1, _DECIMALS) if change else "0")
    return f"{_cell(value, is_far)} {_cell(before, is_far)} {signed:>{CELL}}"


def _head(shown: Inspected, columns: int) -> tuple[str, ...]:
    if shown.is_vector:
        return tuple(f"+{column}" for column in range(columns))
    places = free_places(shown)
    return tuple(str(places[1][shown.first[1] + column]) for column in range(columns))


def _labels(shown: Inspected) -> tuple[str, ...]:
    rows = range(shown.first[0], shown.first[0] + len(shown.values))
    places = free_places(shown)
    if not places:
        return ("",) * len(rows)
    if shown.is_vector:
        return tuple(str(places[0][row * shown.size[1]]) for row in rows)
    return tuple(str(places[0][row]) for row in rows)


def free_places(shown: Inspected) -> list[range]:
    """The indices in the tensor along each dimension that the slice goes along."""
    parts = parse_index(shown.index, shown.dims)
    return [range(size)[part] for size, part in zip(shown.dims, parts, strict=True) if isinstance(part, slice)]


def element(shown: Inspected, cursor: tuple[int, int]) -> tuple[int, ...] | None:
    """The index in the tensor of an element of the slice; None if there is none there."""
    row, column = cursor
    at = [row * shown.size[1] + column] if shown.is_vector else [row, column]
    places, parts = free_places(shown), parse_index(shown.index, shown.dims)
    if any(i >= len(place) for i, place in zip(at, places, strict=False)):
        return None
    free = (place[i] for i, place in zip(at, places, strict=False))
    return tuple(next(free) if isinstance(part, slice) else part for part in parts)


def _is_sampled(shown: Inspected) -> bool:
    """Whether only some values were kept, whose places in the tensor an index does not say."""
    return math.prod(shown.dims) < math.prod(shown.shape)


def neighbour(shown: Inspected, by: int) -> str:
    """The index of the slice before or after, along the dimensions of which it has one index each."""
    parts = [*parse_index(shown.index, shown.dims)]
    for dim in [dim for dim, part in enumerate(parts) if isinstance(part, int)][::-1]:
        part = parts[dim]
        assert isinstance(part, int)
        parts[dim] = (part + by) % shown.dims[dim]
        if 0 <= part + by < shown.dims[dim]:
            break
    return short_text(parts, shown.dims)


def about_cell(name: str, shown: Inspected, cursor: tuple[int, int]) -> Content:
    """The element at the cursor with all its digits, the sample before's and the difference."""
    row, column = cursor[0] - shown.first[0], cursor[1] - shown.first[1]
    at = element(shown, cursor) if shown.size[0] else None
    if at is None or not 0 <= row < len(shown.values) or not 0 <= column < len(shown.values[row]):
        return Content("")
    value = shown.values[row][column]
    index = f"[{', '.join(map(str, at))}]" if at else ""
    index = f", kept value {at[0]}," if _is_sampled(shown) else index
    text = Content.assemble((f"{name}{index} = ", "$text-muted"), (repr(value), _style(value)))
    if row < len(shown.before):
        before = shown.before[row][column]
        then, change = f"  sample {shown.before_steps} ", f"  Δ {value - before:+.9g}"
        return Content.assemble(text, (then, "$text-muted"), repr(before), change)
    return Content.assemble(text, ("  what it was before is not known", "$text-muted"))


def _style(value: float) -> str:
    return "bold" if math.isfinite(value) else "bold $text-error"


def scale_of(shown: Inspected, most: float) -> str:
    """What the colours of the map mean, and which elements it shows."""
    if not shown.heat:
        return ""
    rows, columns = shown.every
    if shown.is_vector or shown.every == (1, 1):
        which = f"{_one_of(columns)} elements"
    else:
        which = f"{_one_of(rows)} rows, {_one_of(columns)} columns"
    ends = f"blue −, red +, full colour from ±{most:.3g}" if most else "all zero"
    return f"{ends}   {which}"


def _one_of(count: int) -> str:
    return "all" if count == 1 else f"1 of {count:,}"


def as_lines(shown: Inspected) -> str:
    """What the grid shows, to be copied: tabs between numbers, all digits."""
    return "\n".join("\t".join(map(repr, line)) for line in shown.values)
