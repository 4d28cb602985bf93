"""Draws a computation graph as lanes beside its rows, as `git log --graph` draws commits.

The drawing can be read back without doubt: `├ ┤ ┼` join a lane that goes on below, `╰ ╯ ┴` join one that
ends here, and a `│` inside a horizontal line is a lane that merely passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import islice
from typing import NamedTuple

_PAGE = 128
"""What is open is kept every so many rows."""

NODE = "●"
MORE = "…"


class _Join(NamedTuple):
    """Where one row's node sits and which lanes it draws from."""

    column: int
    ending: Sequence[int]
    """Columns of inputs that nobody uses later; may contain the node's own column."""
    lasting: Sequence[int]
    """Columns of inputs that a later row uses again."""
    opens: bool
    """Whether a later row uses this row's output."""


class Lanes:
    """One string of lanes for each row of a graph, all equally wide; drawn as they are asked for.

    Attributes:
        width: How many cells they have, 0 if there are no rows.
    """

    def __init__(self, inputs: Sequence[Sequence[int] | None], max_lanes: int = 12) -> None:
        """Lay out a graph.

        Args:
            inputs: For each row, in execution order, the earlier rows whose outputs it consumes; None for a line
                between the rows, which lanes only pass.
            max_lanes: The most columns drawn. In a graph that needs more, the last column stands for all the
                others: `…` where one of them is open, `●` where the row's own node is among them.
        """
        self._joins = tuple(_assign(inputs))
        total = 1 + max((join.column for join in self._joins if join), default=0)
        self._overflows = total > max_lanes
        shown = max(max_lanes - 1, 0) if self._overflows else total
        self.width = 2 * (shown + self._overflows) - 1 if self._joins else 0
        self._pages = [_Open((" ",) * shown, 0)]
        """What is open above every `_PAGE`-th row, as far as has been drawn."""

    def rows(self, start: int, stop: int) -> list[str]:
        """The lanes of some rows."""
        while len(self._pages) <= start // _PAGE:
            self._pages.append(self._end_of(len(self._pages) - 1))
        first = start // _PAGE * _PAGE
        drawn = _draw(self._joins[first:stop], self._pages[start // _PAGE], overflow=self._overflows)
        return list(islice(drawn, start - first, None))

    def _end_of(self, page: int) -> _Open:
        lanes, hidden = list(self._pages[page].lanes), self._pages[page].hidden
        for join in self._joins[page * _PAGE : (page + 1) * _PAGE]:
            if join is not None:
                hidden += _pass(join, lanes)
        return _Open(tuple(lanes), hidden)


class _Open(NamedTuple):
    """What is open between two rows.

    Attributes:
        lanes: Of each column shown, "│" or " ".
        hidden: How many lanes beyond them.
    """

    lanes: tuple[str, ...]
    hidden: int


def _assign(inputs: Sequence[Sequence[int] | None]) -> Iterator[_Join | None]:
    """Give every row a column: its leftmost ending input's, or else the leftmost free one."""
    last_use = list(range(len(inputs)))
    for row, sources in enumerate(inputs):
        for source in sources or ():
            last_use[source] = row
    columns: list[int] = []
    free: list[int] = []
    next_column = 0
    resting: int | None = None
    for row, sources in enumerate(inputs):
        if sources is None:
            columns.append(-1)
            yield None
            continue
        ending: list[int] = []
        lasting: list[int] = []
        for source in set(sources):
            (ending if last_use[source] == row else lasting).append(columns[source])
        ending.sort()
        lasting.sort()
        if ending:
            column = ending[0]
        elif free:
            column = heappop(free)
        else:
            column = next_column
            next_column += 1
        columns.append(column)
        for ended in ending[1:]:
            heappush(free, ended)
        # A column whose node had no consumer rests for a row: a new node right below would look like one.
        if resting is not None:
            heappush(free, resting)
        opens = last_use[row] != row
        resting = None if opens else column
        yield _Join(column, tuple(ending), tuple(lasting), opens)


def _draw(joins: Iterable[_Join | None], above: _Open, *, overflow: bool) -> Iterator[str]:
    """Draw rows, with one more column that stands for the rest if there is an `overflow`."""
    open_lanes, hidden = list(above.lanes), above.hidden
    shown = len(open_lanes)
    for join in joins:
        cells = list(open_lanes)
        if join is None:
            yield " ".join([*cells, MORE if hidden else " "] if overflow else cells)
            continue
        hidden_later = hidden + _pass(join, open_lanes)
        if overflow:
            ending = sum(column >= shown for column in join.ending)
            reached = join.column >= shown or any(column >= shown for column in (*join.ending, *join.lasting))
            cells.append(MORE if hidden > ending or reached else " ")
        yield _draw_row(join, cells)
        hidden = hidden_later


def _pass(join: _Join, open_lanes: list[str]) -> int:
    """Go on below a row.

    Args:
        join: The row.
        open_lanes: What is open above it, and then below.

    Returns:
        How many lanes more are open beyond those.
    """
    shown, hidden = len(open_lanes), 0
    for column in join.ending:
        if column < shown:
            open_lanes[column] = " "
        else:
            hidden -= 1
    if join.opens and join.column < shown:
        open_lanes[join.column] = "│"
    elif join.opens:
        hidden += 1
    return hidden


def _draw_row(join: _Join, cells: list[str]) -> str:
    """Draw one row over `cells`, which hold the lanes that are open above it."""
    last = len(cells) - 1
    touched = (join.column, *join.ending, *join.lasting)
    left, right = min(min(touched), last), min(max(touched), last)
    for column in join.ending:
        if cells[min(column, last)] != MORE:
            cells[column] = "╰" if column == left else "╯" if column == right else "┴"
    for column in join.lasting:
        if cells[min(column, last)] != MORE:
            cells[column] = "├" if column == left else "┤" if column == right else "┼"
    cells[min(join.column, last)] = NODE
    if left == right:
        return " ".join(cells)
    line = list(" ".join(cells))
    for position in range(2 * left + 1, 2 * right):
        if line[position] == " ":
            line[position] = "─"
    return "".join(line)
