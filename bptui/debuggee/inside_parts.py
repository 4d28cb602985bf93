"""What goes into an op or node and what comes out, with names and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import torch

from bptui.debuggee.live import Found, Held, held
from bptui.debuggee.names import Names
from bptui.debuggee.nodes import is_leaf
from bptui.debuggee.ops import flat, node_of
from bptui.debuggee.stats import try_summarise
from bptui.records import Node, Part, TensorSummary

_ACCESSORS = frozenset({"__get__", "__set__", "__delete__"})
_LONGEST = 40
"""Characters of an argument that is no tensor."""


class Argument(NamedTuple):
    """An argument as it was before the call.

    Attributes:
        keyword: Its name in the call, empty if it was given by its place.
        value: The object itself.
        node: Its autograd node.
        summary: Its numbers, if it is a tensor or array.
        held: Itself, if it is a tensor, and whether it is overwritten by the call.
    """

    keyword: str
    value: Any
    node: Any
    summary: TensorSummary | None
    held: Held | None


def is_getter(func: Any) -> bool:
    """Whether a torch function only reads or sets an attribute: `weight.data`."""
    return getattr(func, "__name__", "") in _ACCESSORS


def is_in_place(func: Any, kwargs: Mapping[str, Any] | None) -> bool:
    """Whether a torch function may write into what it is given: "add_", "__isub__", or given an "out"."""
    name = str(getattr(func, "__name__", ""))
    is_dunder = name.startswith("__")
    return (
        name.startswith(("__i", "__set"))
        or (name.endswith("_") and not is_dunder)
        or bool(kwargs and "out" in kwargs)
    )


def function_name(func: Any) -> str:
    """How people call a torch function: "__isub__" → "isub"."""
    name = str(getattr(func, "__name__", "op"))
    return name.strip("_") if name.startswith("__") else name


def tensors_in(out: Any) -> list[torch.Tensor]:
    """The tensors that came out of an op."""
    return [value for value in flat((out,)) if isinstance(value, torch.Tensor)]


def arguments_of(args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> tuple[Argument, ...]:
    """The arguments of a call, with their numbers as they are now."""
    placed = [("", value) for value in flat(args)]
    named = [(keyword, value) for keyword, given in (kwargs or {}).items() for value in flat((given,))]
    return tuple(_argument(*each) for each in placed + named)


def _argument(keyword: str, value: Any) -> Argument:
    has_numbers = isinstance(value, torch.Tensor | np.ndarray | np.generic)
    return Argument(keyword, value, node_of(value), try_summarise(value) if has_numbers else None, held(value))


class Parts:
    """Names what an op or node has to do with by the rows of the graph, or else by the user's variables."""

    def __init__(self, rows: Sequence[Node], row_of: Mapping[Any, int], frames: Sequence[FrameType]) -> None:
        self._rows = rows
        self._row_of = row_of
        self._names = Names(frames)

    def inputs(self, arguments: Sequence[Argument]) -> Iterator[Found]:
        """What went into an op."""
        for keyword, value, node, summary, tensor in arguments:
            name = self._name(value, node) if summary else ""
            text = "" if summary else repr(value)[:_LONGEST] if isinstance(value, _PLAIN) else type(value).__name__
            yield Part("input", keyword or name, summary, name if keyword and summary else text), tensor

    def outputs(self, out: Any) -> Iterator[Found]:
        """What came out of it."""
        for value in flat((out,)):
            if isinstance(value, torch.Tensor):
                yield Part("output", self._names.of(value) or "", try_summarise(value)), value

    def gradients(self, node: Any, into: Sequence[Any], came: Sequence[Any]) -> list[Found]:
        """What came into a node, and what it gives to each of its inputs."""
        found: list[Found] = [
            (Part("gradient in", _numbered("output", i, came), _summary(grad)), grad)
            for i, grad in enumerate(came)
        ]
        for (source, _), grad in zip(node.next_functions, into, strict=False):
            if source is not None:
                row = self._row_of.get(source)
                name = self._rows[row].name if row is not None else source.name()
                part = Part("gradient out", name, _summary(grad), "" if grad is not None else "none")
                found.append((part, grad))
        if is_leaf(node):
            leaf = node.variable
            name = self._names.of(leaf) or "?"
            found.append((Part("gradient", f"{name}.grad", _summary(leaf.grad)), leaf.grad))
            found.append((Part("value", name, _summary(leaf)), leaf))
        return found

    def leaves(self, is_done: Mapping[Any, bool]) -> list[Found]:
        """The leaves of a backward pass in forward order: what has arrived at each, or that it still waits."""
        known = sorted((row, node) for node in is_done if (row := self._row_of.get(node)) is not None)
        return [_leaf(self._rows[row], node, is_done[node]) for row, node in known]

    def _name(self, value: Any, node: Any) -> str:
        row = self._row_of.get(node) if node is not None else None
        return self._names.of(value) or (self._rows[row].name if row is not None else "")


_PLAIN = (bool, int, float, complex, str, type(None), torch.dtype, torch.device)


def _summary(value: Any) -> TensorSummary | None:
    return None if value is None else try_summarise(value)


def _leaf(row: Node, node: Any, is_done: bool) -> Found:
    if is_done:
        return Part("has gradient", row.name, row.grad), node.variable.grad
    return Part("waits", row.name, None), None


def _numbered(name: str, index: int, among: Sequence[Any]) -> str:
    return f"{name} {index}" if len(among) > 1 else name
