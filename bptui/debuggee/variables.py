"""The variables of a frame in one line each, at bounded cost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

from bptui.debuggee import static
from bptui.debuggee.stats import try_summarise
from bptui.protocol import to_json
from bptui.records import Local

MOST_LOCALS = 64
"""So many variables of a frame are kept, tensors before others."""

_MOST_VARIABLES = 2_000
"""So many are looked at, 5 ms."""

MOST_PARTS = 4
"""So many tensors of a container or an object stand in rows of their own."""

_LOOKED_AT = 32
"""So many parts of a container or object are looked at."""

_MOST_MODULES = 5_000
"""So many modules of a model are counted, 8 ms."""

_LONGEST = 60
"""Characters of a name or a text."""

_TENSORS = (torch.Tensor, torch.nn.Parameter)
"""Of these exactly: a subclass may do its arithmetic in Python."""

_NUMBERS = (bool, int, float, *{kind for kind in np.sctypeDict.values() if issubclass(kind, np.bool_ | np.number)})
_UNTOLD = (ModuleType, FunctionType, BuiltinFunctionType, MethodType, type)
"""What a program is made of, and no value of it."""


class Room:
    """What may still be spent on the variables of a stack.

    Attributes:
        elements: Of tensors to be read; 2²⁰ take 25 ms.
        bytes: To be sent.
    """

    def __init__(self, elements: int = 1 << 20, bytes: int = 240 << 10) -> None:  # noqa: A002 - what it is
        self.elements = elements
        self.bytes = bytes

    def takes(self, local: Local) -> bool:
        """Whether there is room to send it; then there is less."""
        self.bytes -= len(to_json(local)) + 1
        return self.bytes >= 0


def read_variables(variables: dict[str, Any], room: Room) -> tuple[tuple[Local, ...], int]:
    """The variables worth showing, tensors and what holds them first, and how many were left out."""
    looked_at = islice(variables.items(), _MOST_VARIABLES)
    groups = [group for name, value in looked_at if (group := _group(name, value))]
    groups.sort(key=lambda group: not group[0][2])  # stable: else in the order of the code
    rows = [row for group in groups for row in group]
    kept: list[Local] = []
    for name, value, _ in rows[:MOST_LOCALS]:
        local = _local(name, value, room)
        if not room.takes(local):
            break
        kept.append(local)
    return tuple(kept), len(rows) - len(kept) + max(0, len(variables) - _MOST_VARIABLES)


def find_variable(variables: dict[str, Any], name: str) -> Any:
    """The value of a variable, or of a part of one, as its row is called; None if there is none."""
    held = (variable for variable in variables if name.startswith(variable))
    rows = (row for variable in held for row in _group(variable, variables[variable]))
    return next((value for found, value, _ in rows if found[:_LONGEST] == name), None)


def _group(name: object, value: Any) -> list[tuple[str, Any, bool]]:
    """A variable and its tensors, each with whether there are numbers to see; empty if it is not worth showing."""
    if type(name) is not str or name.startswith("__") or issubclass(type(value), _UNTOLD):
        return []
    if _is_tensor(value):
        return [(name, value, True)]
    inner = [(f"{name}{key}", part, True) for key, part in static.parts(value, _LOOKED_AT) if _is_tensor(part)]
    return [(name, value, bool(inner)), *inner[:MOST_PARTS]]


def _is_tensor(value: object) -> bool:
    return type(value) in _TENSORS or (type(value) is np.ndarray and value.dtype.kind in "biufc")


def _local(name: str, value: Any, room: Room) -> Local:
    name, kind = name[:_LONGEST], static.type_name(value)[:_LONGEST]
    try:
        if _is_tensor(value):
            return _tensor(name, kind, value, room)
        if type(value) in _NUMBERS and not _is_long(value):
            return Local(name, kind, summary=try_summarise(value))
        return Local(name, kind, _text(value))
    except Exception:  # whatever half-broken thing it is
        return Local(name, kind, "can not be read")


def _tensor(name: str, kind: str, value: Any, room: Room) -> Local:
    shape = value.shape
    numel = math.prod(shape)
    is_read = numel <= room.elements
    if is_read:
        room.elements -= numel
        if (summary := try_summarise(value)) is not None:
            return Local(name, kind, summary=summary)
    why = "has no numbers" if is_read else "too large to be read here"
    return Local(name, f"{'×'.join(map(str, shape))} {str(value.dtype).removeprefix('torch.')}", why)


def _is_long(value: Any) -> bool:
    return type(value) is int and value.bit_length() > 63


def _text(value: Any) -> str:
    if value is None:
        return "None"
    if type(value) is str:
        return repr(value) if len(value) <= _LONGEST else f"{value[:_LONGEST]!r}…"
    if type(value) is bytes:
        return f"{len(value)} bytes"
    if type(value) is complex:
        return repr(value)
    if type(value) is int:
        return f"a whole number of {value.bit_length()} bits"
    if issubclass(type(value), torch.nn.Module):
        return _size(value)
    count = static.length(value)
    return "" if count is None else f"{count:,} item{'s' * (count != 1)}"


def _size(model: object) -> str:
    """How many numbers the parameters of a model have, each counted once."""
    modules = {id(model): model}
    parameters: dict[int, Any] = {}
    queue = [model]
    while queue and len(modules) <= _MOST_MODULES:
        held = static.attributes(queue.pop())
        for part in _values(held, "_parameters"):
            if type(part) in _TENSORS:
                parameters[id(part)] = part
        for part in _values(held, "_modules"):
            if id(part) not in modules:
                modules[id(part)] = part
                queue.append(part)
    count = sum(map(torch.Tensor.numel, parameters.values()))
    return f"{'more than ' * bool(queue)}{count:,} parameters"


def _values(held: dict[str, Any], name: str) -> Iterable[Any]:
    part: Any = held.get(name)
    return dict.values(part) if issubclass(type(part), dict) else ()
