"""Frozen dataclasses to and from plain JSON values, by their type hints; unknown tags are refused."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
from collections.abc import Callable
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bptui.errors import ProtocolError
from bptui.protocol import messages

T = TypeVar("T")


def to_json(value: object) -> str:
    """Any of our dataclasses as one line of JSON; NaN and Infinity are written as Python's json does."""
    return json.dumps(_plain(value), separators=(",", ":"))


def from_json(kind: type[T], text: str | bytes) -> T:
    """The dataclass that `to_json` wrote.

    Raises:
        ProtocolError: It is no JSON, or not of this kind.
    """
    return _guarded(lambda: _reader(kind)(json.loads(text)), text)


def encode(message: messages.Message) -> bytes:
    """A message as one line, its tag first."""
    body = {"tag": _tag(type(message)), **_plain(message)}
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> messages.Message:
    """The message of one line.

    Raises:
        ProtocolError: It is no JSON object, its tag is unknown, or its fields are not those of the tag.
    """

    def read() -> messages.Message:
        body = json.loads(line)
        kind = _kinds()[body.pop("tag")]
        return _reader(kind)(body)  # type: ignore[no-any-return]

    return _guarded(read, line)


def _guarded(read: Callable[[], T], text: str | bytes) -> T:
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError(f"a message that this version of bptui does not know: {text[:120]!r} ({error})") from error


@functools.cache
def _tag(kind: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


@functools.cache
def _kinds() -> dict[str, type]:
    return {_tag(kind): kind for kind in get_args(messages.Message)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


@functools.cache
def _reader(hint: Any) -> Callable[[Any], Any]:
    """What turns a JSON value into a value of the type `hint`."""
    if dataclasses.is_dataclass(hint):
        return _dataclass_reader(hint)  # type: ignore[arg-type]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _tuple_reader(arguments)
    if origin is dict:
        item = _reader(arguments[1])
        return lambda value: {key: item(part) for key, part in value.items()}
    if origin in (Union, types.UnionType):
        (inner,) = (_reader(part) for part in arguments if part is not types.NoneType)
        return lambda value: None if value is None else inner(value)
    return _leaf_reader(arguments if origin is Literal else None, hint)


def _dataclass_reader(kind: type) -> Callable[[Any], Any]:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    return lambda body: kind(**{name: readers[name](value) for name, value in body.items()})


def _tuple_reader(arguments: tuple[Any, ...]) -> Callable[[Any], Any]:
    if arguments[-1] is Ellipsis:
        item = _reader(arguments[0])
        return lambda value: tuple(item(part) for part in value)
    items = [_reader(argument) for argument in arguments]
    return lambda value: tuple(item(part) for item, part in zip(items, value, strict=True))


def _leaf_reader(choices: tuple[Any, ...] | None, hint: Any) -> Callable[[Any], Any]:
    # An int is a legal float in JSON and in Python; whole numbers of an int64 tensor must stay ints.
    wanted = (int, float) if hint is float else hint

    def read(value: Any) -> Any:
        good = value in choices if choices is not None else isinstance(value, wanted)
        if not good:
            raise TypeError(f"{value!r} is not {hint}")
        return value

    return read
