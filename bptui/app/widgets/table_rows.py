"""What a virtual table is made of: columns, rows, pages fetched on demand, and lines of cells."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style as RichStyle
from rich.text import Text
from textual.content import Content

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.style import Style

SEPARATOR = " "
PAGE = 64
"""Rows fetched together."""
_PAGES_KEPT = 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Cell = str | Content | Text
"""For colour use `Content`, which can name theme variables ("bold $text-error"); `Text` is converted."""
Justify = Literal["left", "right"]


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    label: str
    width: int
    justify: Justify = "right"
    grow: bool = False
    """Whether it takes the spare width; `width` is then its least."""


@dataclass(frozen=True)
class Row:
    """A row of a table."""

    cells: tuple[Cell, ...]
    kind: str = ""
    """Names the component class `virtual-table--KIND` that colours the row; plain if empty."""
    span: Cell | None = None
    """Drawn across all columns, in place of the cells."""


Source = Callable[[int, int], Sequence[Row]]
"""Gives the rows from the first index to the second, which is exclusive."""


class Pages:
    """Rows of a source, fetched a page at a time; the pages used last are kept."""

    def __init__(self, source: Source | None) -> None:
        self._source = source
        self._pages: OrderedDict[int, tuple[int, Sequence[Row]]] = OrderedDict()
        """For each page, where it ended when it was fetched, and its rows."""

    def drop(self, first: int) -> None:
        """Forget all pages with rows from this one on."""
        for page in [page for page in self._pages if page >= first // PAGE]:
            del self._pages[page]

    def row(self, index: int, row_count: int) -> Row | None:
        """Return a row, or `None` where the source has none."""
        page, place = divmod(index, PAGE)
        start, stop = page * PAGE, min((page + 1) * PAGE, row_count)
        known_stop, rows = self._pages.get(page, (start, ()))
        if known_stop < stop and self._source is not None:
            rows = self._source(start, stop)
            self._pages[page] = (stop, rows)
            if len(self._pages) > _PAGES_KEPT:
                self._pages.popitem(last=False)
        if page in self._pages:
            self._pages.move_to_end(page)
        return rows[place] if place < len(rows) else None


def column_widths(columns: Sequence[Column], available: int) -> tuple[int, ...]:
    """Share out what the columns leave of the available width among those that grow."""
    growing = sum(column.grow for column in columns)
    spare = max(0, available - least_width(columns))
    widths = []
    for column in columns:
        # What is left over the columns left, so that the shares add up exactly.
        share = -(-spare // growing) if column.grow else 0
        spare, growing = spare - share, growing - column.grow
        widths.append(column.width + share)
    return tuple(widths)


def least_width(columns: Sequence[Column]) -> int:
    """Return the width of all columns and the separators between them, none of them grown."""
    return sum(column.width for column in columns) + len(SEPARATOR) * max(0, len(columns) - 1)


def draw_cells(cells: Iterable[Cell], places: Iterable[tuple[int, Justify]], style: Style) -> list[Segment]:
    """Draw cells side by side, each cropped or padded to its width."""
    plain = style.rich_style
    segments: list[Segment] = []
    text = ""
    for cell, (width, justify) in zip(cells, places, strict=False):
        if isinstance(cell, str):
            text += _fit_text(cell, width, justify)
        else:
            segments += (Segment(text, plain), *_fit_content(cell, width, justify).render_segments(style))
            text = ""
        text += SEPARATOR
    return [*segments, Segment(text.removesuffix(SEPARATOR), plain)]


def _fit_text(text: str, width: int, justify: Justify) -> str:
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    spare = width - cell_len(text)
    if spare < 0:
        return set_cell_size(text, width - 1) + "…" if width else ""
    return " " * spare + text if justify == "right" else text + " " * spare


def _fit_content(cell: Content | Text, width: int, justify: Justify) -> Content:
    content = _from_text(cell) if isinstance(cell, Text) else cell
    if _CONTROL.search(content.plain):
        content = Content(_CONTROL.sub(" ", content.plain), list(content.spans))
    content = content.truncate(width, ellipsis=True)
    spare = width - content.cell_length
    return content.pad_left(spare) if justify == "right" else content.pad_right(spare)


def _from_text(text: Text) -> Content:
    if isinstance(text.style, str):
        # Textual would read the name of a colour as CSS: pure red where Rich means the terminal's red.
        text = text.copy()
        text.style = RichStyle.parse(text.style)
    return Content.from_rich_text(text)
