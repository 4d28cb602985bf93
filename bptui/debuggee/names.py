"""Which variable of the user's code is this?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import FrameType
from typing import Any

_DEPTH = 3


def name_of(value: object, frames: Iterable[FrameType]) -> str | None:
    """The name of an object in the frames' locals, then in their globals, or None.

    Looks into lists, tuples, dicts and attributes, to depth 3: "weight", "params[0]", "model.weight".
    """
    frames = tuple(frames)
    for scope in [*(frame.f_locals for frame in frames), *(frame.f_globals for frame in frames)]:
        if (name := _find(value, scope)) is not None:
            return name
    return None


def _find(value: object, scope: Mapping[str, Any]) -> str | None:
    # Breadth first, so that the shortest name wins: "weight" before "model.weight".
    level = [(name, held) for name, held in scope.items() if not name.startswith("__")]
    for _ in range(_DEPTH):
        for name, held in level:
            if held is value:
                return name
        level = [part for name, held in level for part in _parts(name, held)]
    return None


def _parts(name: str, held: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(held, list | tuple):
        yield from ((f"{name}[{index}]", part) for index, part in enumerate(held))
    elif isinstance(held, dict):
        yield from ((f"{name}[{key!r}]", part) for key, part in held.items())
    elif type(held).__module__ not in ("builtins", "torch", "numpy"):
        # vars() instead of getattr(): a property of the user's must not run for our curiosity.
        attributes = getattr(held, "__dict__", None)
        if isinstance(attributes, dict):
            yield from ((f"{name}.{key}", part) for key, part in list(attributes.items()))
