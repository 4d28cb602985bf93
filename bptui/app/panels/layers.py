"""Parameters by layer, in forward order; by module where there are more layers than there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bptui.app.panels.parameter_tree import path_of, shown_name

_FEW = 8
"""Rather than in so few modules, layers are shown several together."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Parameters that belong together.

    Attributes:
        path: Their module; of a parameter outside of any, its own name; "a … b" of several neighbours.
        members: The parameters by their place in forward order.
    """

    path: str
    members: tuple[int, ...]


@lru_cache(maxsize=4)
def layers(names: tuple[str, ...], room: int) -> tuple[tuple[Layer, ...], int]:
    """The deepest level of modules of which at most `room` are there, and how many layers each stands for.

    A layer is a module with parameters of its own. Where the level that fits would be of a few modules alone,
    neighbours of the next level are taken together.

    Args:
        names: The names of all parameters in forward order.
        room: How many there may be, at least 1.
    """
    paths = [path_of(index, name) for index, name in enumerate(names)]
    deepest = max((len(path) - 1 for path in paths), default=0)
    found: tuple[Layer, ...] = ()
    for depth in range(min(1, deepest), deepest + 1):
        finer = _level(paths, names, depth)
        if len(finer) > room:
            return (found, 1) if len(found) >= _FEW else _merged(finer, -(-len(finer) // room))
        found = finer
    return found, 1


def _level(paths: Sequence[Sequence[str]], names: Sequence[str], depth: int) -> tuple[Layer, ...]:
    holds_modules = {tuple(path[:end]) for path in paths for end in range(len(path) - 1)}
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, path in enumerate(paths):
        module = tuple(path[: min(depth, len(path) - 1)])
        # A parameter beside modules ("model.position") is a layer of its own.
        is_alone = not module or (len(module) < depth and module in holds_modules)
        key = (shown_name(index, names[index]),) if is_alone else module
        groups.setdefault(key, []).append(index)
    return tuple(Layer(".".join(key), tuple(members)) for key, members in groups.items())


def _merged(found: tuple[Layer, ...], count: int) -> tuple[tuple[Layer, ...], int]:
    parts = [found[i : i + count] for i in range(0, len(found), count)]
    return tuple(map(_one, parts)), count


def _one(part: Sequence[Layer]) -> Layer:
    path = part[0].path if len(part) == 1 else f"{part[0].path} … {part[-1].path}"
    return Layer(path, tuple(i for layer in part for i in layer.members))
