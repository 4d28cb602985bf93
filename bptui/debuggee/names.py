"""Which variable of the user's code is this?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import FrameType
from typing import Any

from torch import nn

from bptui.debuggee import static

_DEPTH = 3

_WIDTH = 1000
"""So many parts of one object are looked at: among the user's variables may be a list of a million samples."""

_MOST = 20_000
"""So many objects of a level are looked at, some 5 ms."""


def name_of(value: object, frames: Iterable[FrameType]) -> str | None:
    """The name of an object in the frames' locals, then in their globals, or None.

    Looks into lists, tuples, dicts, attributes and modules, to depth 3: "weight", "params[0]", "model.0.bias".
    """
    frames = tuple(frames)
    for scope in [*(frame.f_locals for frame in frames), *(frame.f_globals for frame in frames)]:
        if (name := _find(value, scope)) is not None:
            return name
    return None


def _find(value: object, scope: Mapping[str, Any]) -> str | None:
    # Breadth first, so that the shortest name wins: "weight" before "model.weight".
    level = [(name, held) for name, held in scope.items() if name.isidentifier() and not name.startswith("__")]
    for _ in range(_DEPTH):
        for name, held in level:
            if held is value:
                return name
        parts = (part for name, held in level for part in islice(_parts(name, held), _WIDTH))
        level = list(islice(parts, _MOST))
    return None


def _parts(name: str, held: Any) -> Iterator[tuple[str, Any]]:
    kind = type(held)  # not isinstance: it would ask a stranger for its __class__
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        yield from ((f"{name}.{key}", part) for key, part in zip(held._fields, held, strict=False))
    elif issubclass(kind, list | tuple):
        yield from ((f"{name}[{index}]", part) for index, part in enumerate(held))
    elif issubclass(kind, dict):
        yield from ((f"{name}[{key!r}]", part) for key, part in held.items())
    elif issubclass(kind, nn.Module):
        yield from ((f"{name}.{key}", param) for key, param in nn.Module.named_parameters(held))
        yield from ((f"{name}.{key}", buffer) for key, buffer in nn.Module.named_buffers(held))
    elif kind.__module__ not in ("builtins", "torch", "numpy"):
        yield from ((f"{name}.{key}", part) for key, part in list(static.attributes(held).items()))
