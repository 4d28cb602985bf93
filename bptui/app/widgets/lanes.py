"""Draws a computation graph as lanes beside its rows, as `git log --graph` draws commits.

The drawing can be read back without doubt: `├ ┤ ┼` join a lane that goes on below, `╰ ╯ ┴` join one that
ends here, and a `│` inside a horizontal line is a lane that merely passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NODE = "●"
MORE = "…"


@dataclass(frozen=True)
class _Join:
    """Where one row's node sits and which lanes it draws from."""

    column: int
    ending: tuple[int, ...]
    """Columns of inputs that nobody uses later; may contain the node's own column."""
    lasting: tuple[int, ...]
    """Columns of inputs that a later row uses again."""
    opens: bool
    """Whether a later row uses this row's output."""


def lanes(inputs: Sequence[Sequence[int] | None], max_lanes: int = 12) -> tuple[str, ...]:
    """Draw one string of lanes for each row of a graph, all equally wide.

    Args:
        inputs: For each row, in execution order, the earlier rows whose outputs it consumes; None for a line
            between the rows, which lanes only pass.
        max_lanes: The most columns drawn. In a graph that needs more, the last column stands for all the
            others: `…` where one of them is open, `●` where the row's own node is among them.
    """
    joins = tuple(_assign(inputs))
    total = 1 + max((join.column for join in joins if join), default=0)
    shown = total if total <= max_lanes else max(max_lanes - 1, 0)
    return tuple(_draw(joins, shown, overflow=total > shown))


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
        unique = set(sources)
        ending = sorted(columns[source] for source in unique if last_use[source] == row)
        lasting = sorted(columns[source] for source in unique if last_use[source] != row)
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


def _draw(joins: Iterable[_Join | None], shown: int, *, overflow: bool) -> Iterator[str]:
    """Draw the rows with `shown` columns and, if `overflow`, one more that stands for the rest."""
    open_lanes = [" "] * shown
    hidden = 0
    for join in joins:
        cells = list(open_lanes)
        if join is None:
            yield " ".join([*cells, MORE if hidden else " "] if overflow else cells)
            continue
        hidden -= sum(column >= shown for column in join.ending)
        reached = join.column >= shown or any(column >= shown for column in (*join.ending, *join.lasting))
        if overflow:
            cells.append(MORE if hidden or reached else " ")
        yield _draw_row(join, cells)
        for column in join.ending:
            if column < shown:
                open_lanes[column] = " "
        if join.opens and join.column < shown:
            open_lanes[join.column] = "│"
        hidden += join.opens and join.column >= shown


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
