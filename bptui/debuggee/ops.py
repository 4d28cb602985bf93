"""Forward ops, one by one, as they are called."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from bptui.debuggee.stats import summarise
from bptui.records import Place, TensorSummary

TAG = "bptui.op"
"""Under this key an autograd node's metadata holds the `Op` that made it."""

_NOT_USER = tuple(
    str(Path(path).resolve())
    for path in (Path(torch.__file__).parent, Path(__file__).parent, sysconfig.get_paths()["stdlib"])
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """An argument without history: data, not a result.

    Attributes:
        value: The object itself, to be found again in the sample.
        summary: Its numbers when the op was called.
    """

    value: object
    summary: TensorSummary


@dataclass(frozen=True, slots=True)
class Op:
    """One call of a torch function that autograd noticed."""

    output: TensorSummary
    leaves: tuple[Leaf, ...]
    place: Place | None


class OpTagger(TorchFunctionMode):
    """Tags the autograd node of every op with what was computed, from what, and where.

    Attributes:
        parameters: The leaves that get a gradient, as they were when first used, by the tensor's id; the
            `Leaf` keeps the tensor, so no id is used twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parameters: dict[int, Leaf] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        inputs = tuple(_flat((*args, *(kwargs or {}).values())))
        before = [_node_of(value) for value in inputs]
        out = func(*args, **(kwargs or {}))
        for tensor in _flat((out,)):
            node = _node_of(tensor)
            if node is not None and node not in before:
                self._tag(node, tensor, inputs)
        return out

    def _tag(self, node: Any, output: torch.Tensor, inputs: tuple[Any, ...]) -> None:
        for value in inputs:
            if isinstance(value, torch.Tensor) and value.requires_grad and value.is_leaf:
                self.parameters.setdefault(id(value), Leaf(value, summarise(value)))
        leaves = tuple(Leaf(value, summarise(value)) for value in inputs if _is_data(value))
        node.metadata[TAG] = Op(summarise(output), leaves, user_place())


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from value
        else:
            yield value


def _node_of(value: Any) -> Any:
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        return None
    try:
        return value.grad_fn
    except RuntimeError:  # a view made in no_grad and then changed in place has no legal grad_fn
        return None


def _is_data(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.requires_grad
    return isinstance(value, np.generic | np.ndarray | float)


def user_place() -> Place | None:
    """The nearest line on the stack that is neither ours, nor torch's, nor the standard library's."""
    for frame in _frames():
        path = frame.f_code.co_filename
        if _is_user(path):
            return Place(path, frame.f_lineno)
    return None


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_user(path: str) -> bool:
    inside_stdlib = path.startswith(_NOT_USER) and "site-packages" not in path.removeprefix(_NOT_USER[0])
    return not path.startswith("<") and not path.startswith(_NOT_USER[:2]) and not inside_stdlib
