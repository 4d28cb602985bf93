"""Looks at objects without running anything of theirs: no property, no `__len__`, no `__class__`, no metaclass."""

from __future__ import annotations

from collections import deque
from itertools import islice
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

_NAME, _MRO, _NAMESPACE = (type.__dict__[name] for name in ("__name__", "__mro__", "__dict__"))

_NAMELESS: tuple[type[Any], ...] = (set, frozenset)
_CONTAINERS: tuple[type[Any], ...] = (list, tuple, dict, deque, *_NAMELESS)
"""What has a length and parts, also of subclasses, by these types' own methods."""

_LONGEST_KEY = 40


def type_name(value: object) -> str:
    """The name of its type."""
    name = _NAME.__get__(type(value))
    return name if isinstance(name, str) else ""


def length(value: Any) -> int | None:
    """How many parts a container has, None if it is none."""
    kind = _container(value)
    return None if kind is None else int(kind.__len__(value))


def parts(value: Any, most: int) -> list[tuple[str, Any]]:
    """The first parts of a container or attributes of an object, as one would name them: "[0]", "['x']", ".x"."""
    kind = _container(value)
    if kind is None:
        held = islice(attributes(value).items(), most)
        return [(f".{key}", part) for key, part in held if type(key) is str]
    if kind is dict:
        items = islice(dict.items(value), most)
        return [(f"[{key!r}]", part) for key, part in items if type(key) is str and len(key) < _LONGEST_KEY]
    if kind in _NAMELESS:
        return []
    return [(f"[{index}]", part) for index, part in enumerate(islice(kind.__iter__(value), most))]


def attributes(value: object) -> dict[str, Any]:
    """The attributes that it holds itself; none if it has its own idea of what they are."""
    for each in _MRO.__get__(type(value)):
        descriptor = _NAMESPACE.__get__(each).get("__dict__")
        if descriptor is not None:
            is_plain = type(descriptor) in (GetSetDescriptorType, MemberDescriptorType)  # and no property
            held = descriptor.__get__(value) if is_plain else None
            return held if type(held) is dict else {}
    return {}


def _container(value: object) -> type[Any] | None:
    # issubclass, since isinstance would ask a stranger for its __class__.
    return next((kind for kind in _CONTAINERS if issubclass(type(value), kind)), None)
