"""Frozen dataclasses to and from plain JSON values, by their type hints; unknown tags are refused."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
from collections.abc import Callable
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from bptui.errors import ProtocolError
from bptui.protocol import messages

T = TypeVar("T")
Read = Callable[[Any], Any]

_JSON_TYPES = {str: (str,), bool: (bool,), int: (int,), float: (float, int, bool)}
"""What json makes of a leaf. A whole number stays an int where a float may stand: an int64 has more digits."""


def to_json(value: object) -> str:
    """Any of our dataclasses as one line of JSON; NaN and Infinity are written as Python's json does."""
    return _ENCODER.encode(value)


def from_json(kind: type[T], text: str | bytes) -> T:
    """The dataclass that `to_json` wrote.

    Raises:
        ProtocolError: It is no JSON, or not of this kind.
    """
    read: Read = _reader(cast(Any, kind))
    return cast(T, _guarded(lambda: read(json.loads(text)), text))


def encode(message: messages.Message) -> bytes:
    """A message as one line, its tag first."""
    kind: Any = type(message)
    return _ENCODER.encode({"tag": _tag(kind), **_fields(message)}).encode() + b"\n"


def decode(line: bytes) -> messages.Message:
    """The message of one line.

    Raises:
        ProtocolError: It is no JSON object, its tag is unknown, or its fields are not those of the tag.
    """

    def read() -> messages.Message:
        body = json.loads(line)
        kind: Any = _kinds()[body.pop("tag")]
        return cast(messages.Message, _reader(kind)(body))

    return _guarded(read, line)


def _guarded(read: Callable[[], T], text: str | bytes) -> T:
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        shown = f"{text[:120]!r} ({error})"
        raise ProtocolError(f"a message that this version of bptui does not know: {shown}") from error


@functools.cache
def _tag(kind: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


@functools.cache
def _kinds() -> dict[str, type]:
    return {_tag(kind): kind for kind in get_args(messages.Message)}


def _fields(value: object) -> dict[str, Any]:
    kind: Any = type(value)
    return {name: getattr(value, name) for name in _names(kind)}


@functools.cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_fields)


@functools.cache
def _reader(hint: Any) -> Read:
    """What turns a JSON value into a value of the type `hint`."""
    if dataclasses.is_dataclass(hint):
        return _dataclass_reader(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _tuple_reader(arguments)
    if origin is dict:
        item = _reader(arguments[1])
        return lambda value: {key: item(part) for key, part in value.items()}
    if origin in (Union, types.UnionType):
        (inner,) = (_reader(part) for part in arguments if part is not types.NoneType)
        return lambda value: None if value is None else inner(value)
    if origin is Literal:
        return _checked(hint, lambda value: value in arguments)
    return _checked(hint, lambda value: type(value) in _JSON_TYPES[hint])


def _dataclass_reader(kind: Any) -> Read:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    return lambda body: kind(**{name: readers[name](value) for name, value in body.items()})


def _tuple_reader(arguments: tuple[Any, ...]) -> Read:
    if arguments[-1] is Ellipsis:
        item = _reader(arguments[0])
        return lambda value: tuple(item(part) for part in _list(value))
    items = [_reader(argument) for argument in arguments]
    return lambda value: tuple(item(part) for item, part in zip(items, _list(value), strict=True))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def _checked(hint: Any, is_good: Callable[[Any], bool]) -> Read:
    def read(value: Any) -> Any:
        if not is_good(value):
            raise TypeError(f"{value!r} is not {hint}")
        return value

    return read
