"""Parameters as a tree by module, written out as rows: which there are, and which a fold hides."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

_PART = re.compile(r"(?:\[[^\]]*\]|[^.\[])+")
"""A dot inside brackets is part of a key: params['a.b']."""

_Inside: TypeAlias = "dict[str | tuple[str, int], _Inside | None]"
"""What a module holds: modules by name, parameters by name and index, since a name may come twice."""


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the tree: a module or a parameter.

    Attributes:
        path: Its name from the root: "model.blocks.0".
        label: What it adds to the path of the module around it: "0".
        depth: How many modules are around it.
        members: The parameters in it by their place in forward order; of a parameter, itself alone.
        end: Where in the tree the first item stands that is not in it.
        is_module: Whether it holds others.
    """

    path: str
    label: str
    depth: int
    members: tuple[int, ...]
    end: int
    is_module: bool


def shown_name(index: int, name: str) -> str:
    """The name of a parameter; of one without a name, its place in forward order."""
    return name or f"parameter {index + 1}"


def leaf(index: int, name: str) -> Item:
    """A parameter as a row of its own, outside of a tree."""
    name = shown_name(index, name)
    return Item(name, name, 0, (index,), 0, is_module=False)


def tree(names: Sequence[str], kept: Iterable[int] | None = None) -> tuple[Item, ...]:
    """All rows of a tree, each module before what it holds, in order of first appearance.

    A module that holds one thing alone is drawn as one row with it: "ln.weight".

    Args:
        names: The names of all parameters in forward order.
        kept: Which of them the tree is to have, None for all.
    """
    root: _Inside = {}
    for index in range(len(names)) if kept is None else kept:
        *modules, last = path_of(index, names[index])
        inside = root
        for module in modules:
            inside = inside.setdefault(module, {})  # type: ignore[assignment]  # a str key has a dict
        inside[last, index] = None
    return tuple(_items(root, "", 0, 0))


def path_of(index: int, name: str) -> list[str]:
    """The modules around a parameter, the outermost first, and its own name."""
    name = shown_name(index, name)
    return (_PART.findall(name) or [name]) if "[" in name else [*filter(None, name.split("."))] or [name]


def _items(inside: _Inside, around: str, depth: int, start: int) -> list[Item]:
    """The rows of what a module holds, where the first of them is row `start` of the tree."""
    items: list[Item] = []
    for key, held in inside.items():
        label, index, held = _lone(key, held)
        path, here = f"{around}.{label}".lstrip("."), start + len(items)
        if held is None:
            items.append(Item(path, label, depth, (index,), here + 1, is_module=False))
        else:
            below = _items(held, path, depth + 1, here + 1)
            members = tuple(item.members[0] for item in below if not item.is_module)
            items += [Item(path, label, depth, members, here + 1 + len(below), is_module=True), *below]
    return items


def _lone(key: str | tuple[str, int], held: _Inside | None) -> tuple[str, int, _Inside | None]:
    """(label, index if it is a parameter, what is inside), together with what is alone inside."""
    labels: list[str] = []
    while isinstance(key, str):
        assert held is not None
        labels.append(key)
        if len(held) > 1:
            return ".".join(labels), -1, held
        ((key, held),) = held.items()
    return ".".join([*labels, key[0]]), key[1], None


def folds_to_fit(items: Sequence[Item], rows: int) -> frozenset[str]:
    """What to fold so that the tree is open as deep as it can be in so many rows, and open at its root."""
    counts = Counter([item.depth for item in items])
    depth, shown = max(counts, default=0), len(items)
    while depth > int(counts[0] == 1) and shown > rows:
        shown -= counts[depth]
        depth -= 1
    return frozenset(item.path for item in items if item.is_module and item.depth >= depth)
