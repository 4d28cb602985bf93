"""Which variable of the user's code is this?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from types import FrameType
from typing import Any

from torch import nn

from bptui.debuggee import static
from bptui.debuggee.submodules import Walks, buffers, parameters

_DEPTH = 3

_WIDTH = 1000
"""So many parts of one object are looked at: among the user's variables may be a list of a million samples."""

_MOST = 20_000
"""So many objects of a level are looked at, some 5 ms."""

_Named = tuple[str, Any]


class Names:
    """The names of all objects in some frames' locals, then in their globals; found as far as they are asked for.

    Looks into lists, tuples, dicts, attributes and modules, to depth 3: "weight", "params[0]", "model.0.bias". The
    shortest name wins, of those the first. It keeps what it has seen alive, so it should not be kept itself.

    Attributes:
        submodules: The modules in a module.
    """

    def __init__(self, frames: Iterable[FrameType], known: Names | None = None) -> None:
        """The names in some frames.

        Args:
            frames: Where to look, those first that come first.
            known: Those in other frames, or some of the same; what these have seen is not looked at again.
        """
        frames = tuple(frames)
        scopes = [*(frame.f_locals for frame in frames), *(frame.f_globals for frame in frames)]
        self.submodules: Walks = known.submodules if known else Walks()
        self._scopes: dict[int, _Scope] = known._scopes if known else {}
        self._named: dict[int, _Named] = {}
        self._levels = chain.from_iterable(map(self._scope, _distinct(scopes)))

    def of(self, value: object) -> str | None:
        """The name of an object, None if it has none."""
        while id(value) not in self._named:
            if not self._look_deeper():
                return None
        return self._named[id(value)][0]

    def modules(self) -> Iterator[_Named]:
        """All modules that have a name, with it; those with the shortest first, none before one that holds it."""
        return ((name, held) for name, held in self.all() if is_module(held))

    def all(self) -> Iterator[_Named]:
        """All objects that have a name, with it; those with the shortest first."""
        yielded = 0
        while len(self._named) > yielded or self._look_deeper():
            new = list(islice(self._named.values(), yielded, None))
            yielded += len(new)
            yield from new

    def _scope(self, scope: Mapping[str, Any]) -> _Scope:
        return self._scopes.setdefault(id(scope), _Scope(scope, self.submodules))

    def _look_deeper(self) -> bool:
        level = next(self._levels, None)
        for named in level or ():
            self._named.setdefault(id(named[1]), named)
        return level is not None


def name_of(value: object, frames: Iterable[FrameType]) -> str | None:
    """The name of one object; of several, ask the same `Names`."""
    return Names(frames).of(value)


def _distinct(scopes: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Each scope once: a module's frame has its globals as its locals."""
    return iter({id(scope): scope for scope in scopes}.values())


class _Scope:
    """The variables of a scope, then their parts, and so on, the shortest names first; each is found once."""

    def __init__(self, scope: Mapping[str, Any], submodules: Walks) -> None:
        self._scope = scope  # as long as it is held, its id is its own
        self._submodules = submodules
        self._found: list[list[_Named]] = []
        self._rest = self._levels()

    def __iter__(self) -> Iterator[list[_Named]]:
        for depth in range(_DEPTH):
            if depth == len(self._found):
                self._found.append(next(self._rest))
            yield self._found[depth]

    def _levels(self) -> Iterator[list[_Named]]:
        variables = self._scope.items()
        level = [(name, held) for name, held in variables if name.isidentifier() and not name.startswith("__")]
        inner: set[int] = set()
        yield (level := self._outer_first(level, inner))
        for _ in range(_DEPTH - 1):
            # What is in a module that another one holds has its name from that one.
            outer = [(name, held) for name, held in level if id(held) not in inner and not _is_bare(held)]
            parts = (part for name, held in outer for part in islice(self._parts(name, held), _width(held)))
            yield (level := self._outer_first(list(islice(parts, _MOST)), inner))

    def _outer_first(self, level: list[_Named], inner: set[int]) -> list[_Named]:
        """A module before those that it holds: "model.encoder.weight" also where there is a variable "encoder".

        Args:
            level: Some variables.
            inner: The modules held by those of shorter names; added are those held by one of these.
        """
        modules = [held for _, held in level if is_module(held) and id(held) not in inner]
        inner.update(id(part) for module in modules for _, part in self._submodules(module) if part is not module)
        return sorted(level, key=lambda named: id(named[1]) in inner) if inner else level

    def _parts(self, name: str, held: Any) -> Iterator[_Named]:
        if is_module(held):
            modules = self._submodules(held)
            return ((f"{name}.{key}", part) for key, part in chain(parameters(modules), buffers(modules)))
        return _parts(name, held)


def _is_bare(held: Any) -> bool:
    """Whether it is a parameter to which nothing has been added: of these there may be ten thousand."""
    return type(held) is nn.Parameter and not held.__dict__


def _width(held: Any) -> int:
    return _MOST if is_module(held) else _WIDTH


def _parts(name: str, held: Any) -> Iterator[_Named]:
    # The type decides, not isinstance(): that asks a proxy for its class, and a dead one raises.
    kind = type(held)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        yield from ((f"{name}.{key}", part) for key, part in zip(held._fields, held, strict=False))
    elif issubclass(kind, list | tuple):
        yield from ((f"{name}[{index}]", part) for index, part in enumerate(held))
    elif issubclass(kind, dict):
        # Of other keys, an optimizer's are parameters, the repr is long, slow, and maybe the user's own code.
        yield from ((f"{name}[{key!r}]", part) for key, part in held.items() if type(key) in (str, int))
    elif kind.__module__ not in ("builtins", "torch", "numpy"):
        yield from ((f"{name}.{key}", part) for key, part in list(static.attributes(held).items()))


def is_module(held: object) -> bool:
    """Whether it is a module that has been initialised."""
    return issubclass(type(held), nn.Module) and "_parameters" in vars(held)
