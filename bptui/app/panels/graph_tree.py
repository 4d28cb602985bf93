"""The rows of a computation graph as a tree of module calls, and the edges that are left when some are folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from bptui.app.panels.folding import unfolded

_Parts = tuple[tuple[str, str], ...]
"""The names of a path, each with its class."""


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the tree: a module's call, or a row of the graph.

    Attributes:
        path: The path of the module, for a row of the graph that of the one around it.
        label: What a module adds to the path of the one around it: "0".
        type: A module's class, empty where it is not known.
        depth: How many modules are around it.
        first: The first row of the graph in it.
        last: The last one.
        end: Where in the tree the first item stands that is not in it.
        is_module: Whether it holds others.
    """

    path: str
    label: str
    type: str
    depth: int
    first: int
    last: int
    end: int
    is_module: bool


@lru_cache(maxsize=4)
def tree(modules: tuple[tuple[str, str], ...]) -> tuple[Item, ...]:
    """All rows of the tree, each module before what it holds, in order of execution; 15 000 take 45 ms.

    A module that holds one other alone is one row with it: "model.encoder". One whose rows do not follow upon each
    other, as other modules are called in between, comes several times.

    Args:
        modules: For each row of the graph, the module in whose call it was made, and the classes of that path.
    """
    return tuple(_items([_parts(*each) for each in modules], 0, len(modules), 0, "", 0, 0))


@cache
def _parts(module: str, types: str) -> _Parts:
    if not module:
        return ()
    names, kinds = module.split("."), types.split(".")
    # Before the class of the outermost there may be dots that are those of a variable: "self.model".
    dots = next((i for i, kind in enumerate(kinds) if kind), 0)
    return ((".".join(names[: dots + 1]), kinds[dots]), *zip(names[dots + 1 :], kinds[dots + 1 :], strict=False))


def _items(
    paths: Sequence[_Parts], first: int, stop: int, level: int, around: str, depth: int, at: int
) -> list[Item]:
    """The items of some rows that are in the same module, of which the first will be item `at` of the tree."""
    items: list[Item] = []
    row = first
    while row < stop:
        here = at + len(items)
        if len(paths[row]) == level:
            items.append(Item(around, "", "", depth, row, row, here + 1, is_module=False))
            row += 1
            continue
        next_row = _end_of_run(paths, row, stop, level)
        inner = level + 1
        while len(paths[row]) > inner and _end_of_run(paths, row, next_row, inner) == next_row:
            inner += 1
        label = ".".join(name for name, _ in paths[row][level:inner])
        path = f"{around}.{label}" if around else label
        below = _items(paths, row, next_row, inner, path, depth + 1, here + 1)
        kind = paths[row][inner - 1][1]
        end = here + 1 + len(below)
        items += [Item(path, label, kind, depth, row, next_row - 1, end, is_module=True), *below]
        row = next_row
    return items


def _end_of_run(paths: Sequence[_Parts], row: int, stop: int, level: int) -> int:
    """The first row after `row` that is not in the same module at a level of the path."""
    part = paths[row][level]
    while row < stop and len(paths[row]) > level and paths[row][level] == part:
        row += 1
    return row


def folds_to_fit(items: Sequence[Item], rows: int) -> frozenset[str]:
    """What to fold so that the tree fits so many rows: open as deep as it can be, at its root in any case.

    If it does not fit as a whole, modules that hold no others stay folded.
    """
    if len(items) <= rows:
        return frozenset()
    folded = frozenset(item.path for item in items if item.is_module)
    holders = list(_holders(items))
    for depth in sorted({item.depth for item in holders}):
        opened = folded - {item.path for item in holders if item.depth == depth}
        if depth and len(unfolded(items, opened)) > rows:
            break
        folded = opened
    return folded


def _holders(items: Sequence[Item]) -> Iterator[Item]:
    """The modules that hold others."""
    inner = len(items)  # the nearest module further down
    for at in range(len(items) - 1, -1, -1):
        if items[at].is_module:
            if inner < items[at].end:
                yield items[at]
            inner = at


def edges(
    inputs: Sequence[Sequence[int]], rows: Sequence[Item], folded: frozenset[str]
) -> list[tuple[int, ...] | None]:
    """For each row that is seen, the earlier ones whose outputs it uses; None for the head of an open module.

    What is folded uses whatever is used inside it.

    Args:
        inputs: For each row of the graph, the rows that it consumes.
        rows: What is seen of the tree.
        folded: The modules that are folded, by their path.
    """
    seen_at = [0] * len(inputs)
    found: list[tuple[int, ...] | None] = []
    for at, item in enumerate(rows):
        if not item.is_module:
            seen_at[item.first] = at
            used = inputs[item.first]
        elif item.path in folded:
            count = item.last + 1 - item.first
            seen_at[item.first : item.last + 1] = [at] * count
            inside = inputs[item.first : item.last + 1]
            used = [source for sources in inside for source in sources if source < item.first]
        else:
            found.append(None)
            continue
        found.append(tuple(sorted({seen_at[source] for source in used})) if used else ())
    return found
