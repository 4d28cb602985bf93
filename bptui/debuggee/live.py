"""The tensors that can be looked at while the training stands still."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from bptui.debuggee import static
from bptui.debuggee.nodes import is_leaf
from bptui.debuggee.tensor_view import NoNumbers
from bptui.debuggee.unobserved import unobserved
from bptui.debuggee.variables import find_variable
from bptui.protocol.messages import TensorRef
from bptui.records import Node, Parameter, Part

ROOM = 1 << 26
"""Bytes of activations and gradients that are kept for a stop, and as many of the sample before it."""

_TENSORS = (torch.Tensor, torch.nn.Parameter)


class Held(NamedTuple):
    """A tensor as it was at some moment, as long as nobody overwrites it.

    Attributes:
        tensor: The same elements, without history.
        version: Of its memory then.
    """

    tensor: torch.Tensor
    version: int

    @property
    def is_overwritten(self) -> bool:
        """Whether somebody has written into it since, as far as PyTorch counts that."""
        return self.tensor._version != self.version


Found = tuple[Part, Any]
"""A part of a stop inside a sample, with its tensor."""


def held(value: Any) -> Held | None:
    """A tensor as it is now, None of anything else, or where nobody would know that it was overwritten."""
    if not _is_tensor(value):
        return None
    try:
        with torch._C.DisableTorchFunction():
            return Held(value.detach(), value._version)
    except RuntimeError:  # of inference mode, of a transform
        return None


def copies(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor | None]:
    """Copies of tensors, of the first ones that have together no more than `ROOM`."""
    left, copied = ROOM, []
    with unobserved():
        for tensor in tensors:
            size = tensor.nbytes if tensor.layout == torch.strided else ROOM
            copied.append(tensor.detach().clone() if size <= left else None)
            left -= min(size, left)
    return copied


class Holding:
    """Keeps the tensors that the nodes of a sample are about, within `ROOM`: nothing is copied.

    A gradient that is kept is not reused by the engine as the place for the next; the numbers are the same.
    """

    def __init__(self) -> None:
        self._values: dict[Any, Held] = {}
        self._grads: dict[Any, Held] = {}
        self._left = ROOM

    def value(self, node: Any, tensor: Any) -> None:
        """What an op gave."""
        self._hold(self._values, node, tensor)

    def grad(self, node: Any, tensor: Any) -> None:
        """The gradient of that."""
        self._hold(self._grads, node, tensor)

    def _hold(self, kept: dict[Any, Held], node: Any, tensor: Any) -> None:
        if type(tensor) is not torch.Tensor or tensor.layout != torch.strided:
            return
        with torch._C.DisableTorchFunction():
            size = tensor.nbytes
        now = held(tensor) if size <= self._left else None
        if now is not None:
            self._left -= size
            kept[node] = now

    def rows(self, nodes: Sequence[Node], row_of: Mapping[Any, int], data: dict[int, Any]) -> Rows:
        """What was kept, by the rows of the graph; of parameters and data the tensors themselves."""
        rows = Rows(nodes)
        rows.data = data
        for key, row in row_of.items():
            if isinstance(key, tuple):  # data
                continue
            if is_leaf(key):
                rows.leaves[row] = key.variable
            else:
                rows.values[row], rows.grads[row] = self._values.get(key), self._grads.get(key)
        return rows


class Rows:
    """The tensors of a graph's rows.

    Attributes:
        nodes: The rows.
        leaves: The parameters, by their row.
        data: Other leaves, by their row.
        values: What ops gave, by their row.
        grads: The gradients of that.
    """

    def __init__(self, nodes: Sequence[Node] = ()) -> None:
        self.nodes = nodes
        self.leaves: dict[int, torch.Tensor] = {}
        self.data: dict[int, Any] = {}
        self.values: dict[int, Held | None] = {}
        self.grads: dict[int, Held | None] = {}

    def find(self, ref: TensorRef) -> Any:
        """The tensor of a row: a leaf, or what was kept."""
        if ref.index >= len(self.nodes) or self.nodes[ref.index].name != ref.name:
            raise NoNumbers("the graph of the stop has no such row")
        if ref.index in self.leaves:
            return self.leaves[ref.index]
        if ref.index in self.data:
            return self.data[ref.index]
        held = (self.grads if ref.part == "grad" else self.values).get(ref.index)
        if held is None:
            raise NoNumbers(f"its tensor was not kept: at a stop {ROOM >> 20} MB of them are, the first ones")
        if held.is_overwritten:
            raise NoNumbers("it was overwritten in place since: what it was is gone")
        return held.tensor


class Live:
    """Where the tensors of a stop are to be found.

    Attributes:
        sample: What the loop has yielded.
        rows: Those of the newest graph.
        parts: The stop inside a sample, with the tensor of each of its parts.
        named: What is known of the parameters.
        parameters: The parameters themselves.
    """

    def __init__(self, scopes: Callable[[], Sequence[dict[str, Any]]]) -> None:
        """Know nothing yet.

        Args:
            scopes: The variables of the user's frames where the training stands, the innermost first.
        """
        self._scopes = scopes
        self.sample: Any = None
        self.rows = Rows()
        self.parts: Sequence[Found] = ()
        self.named: Sequence[Parameter] = ()
        self.parameters: Sequence[torch.Tensor] = ()

    def forget(self) -> None:
        """The training goes on: let go of all that is only there at the stop."""
        self.sample, self.parts, self.rows = None, (), Rows()

    def leaves(self) -> list[torch.Tensor]:
        """All parameters that are known."""
        return list({id(each): each for each in (*self.rows.leaves.values(), *self.parameters)}.values())

    def find(self, ref: TensorRef) -> Any:
        """What a reference is about: a tensor, an array or a number.

        Raises:
            NoNumbers: It is not there.
        """
        match ref.kind:
            case "row":
                return self.rows.find(ref)
            case "part":
                return self._part(ref)
            case "parameter" if ref.index < len(self.parameters) and self.named[ref.index].name == ref.name:
                return self.parameters[ref.index]
            case "variable":
                scopes = self._scopes()
                found = find_variable(scopes[ref.index - 1], ref.name) if 0 < ref.index <= len(scopes) else None
                if found is not None:
                    return found
            case "quantity":
                found = getattr(self.sample, ref.name, None)
                if found is not None and not hasattr(found, "kind"):  # a `Known` is a number that was read
                    return found
        raise NoNumbers("its tensor is not at hand at this stop")

    def _part(self, ref: TensorRef) -> Any:
        if ref.index >= len(self.parts) or self.parts[ref.index][0].name != ref.name:
            raise NoNumbers("the stop has no such part")
        part, tensor = self.parts[ref.index]
        if tensor is None:
            raise NoNumbers("its tensor was not kept")
        if isinstance(tensor, Held):
            if tensor.is_overwritten:
                raise NoNumbers(f"the {part.role} was overwritten in place since: what it was is gone")
            return tensor.tensor
        return tensor

    def states(self, leaf: torch.Tensor) -> dict[str, Any]:
        """What the optimizers among the user's variables keep for a parameter."""
        for optimizer in self._optimizers():
            state = optimizer.state.get(leaf)
            if state:
                return {key: value for key, value in state.items() if type(key) is str and _is_tensor(value)}
        return {}

    def _optimizers(self) -> Iterator[Any]:
        kind = sys.modules["torch.optim"].Optimizer
        for scope in self._scopes():
            for value in scope.values():
                for each in (value, *(part for _, part in static.parts(value, 64))):
                    if issubclass(type(each), kind):
                        yield each


def _is_tensor(value: object) -> bool:
    return type(value) in _TENSORS
