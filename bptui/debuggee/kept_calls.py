"""The calls of a sample that ends at a stop, kept so that they can be made once more."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch._C._autograd import _get_sequence_nr
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from bptui.debuggee.nodes import is_leaf
from bptui.debuggee.places import user_frames
from bptui.records import Frame

HELD = 2**29
"""Bytes of arguments and gradients that are held at most, beyond what the training itself holds."""

COPIED = 2**28
"""Bytes of weights and data that are copied at most, since an update changes them before one looks at them."""

SMALL = 2**20
"""Data of so many bytes is copied, too: a loop may write its next batch over it."""

Edge = tuple[Any, int]
"""Where a gradient flows to: a node and which of its outputs; a leaf by its id."""

Changed = tuple[int, bool, Edge]
"""Which part of the arguments, whether it is what that is a view of, and where its gradient comes from."""

_UTILS, _HOOK = torch._functorch.utils, "unwrap_dead_wrappers"


class NotKept(Exception):
    """A call can not be made again as it was; its text says why."""


@dataclass(slots=True)
class KeptCall:
    """A call of a torch function, or of a torch.autograd.Function.

    Attributes:
        function: What was called.
        first: The sequence number of the first autograd node that it can have made.
        stop: The sequence number after its last one.
        edges: Of each floating argument, where its gradient flows; None if it needs none.
        outputs: Of each floating tensor that it returned, where its gradient comes from; nothing of a Function.
        changed: If it changed an argument in place, where the gradients of those come from after it.
        autocast: The dtype that torch.autocast has it compute in on the CPU; None if it has no say.
        overwrites: Whether it is one that changes an argument in place.
        random: The state of the random numbers before it.
        frames: Of a Function, the user's calls in which it was applied.
    """

    function: Any
    first: int
    stop: int
    edges: tuple[Edge | None, ...]
    random: torch.Tensor
    _parts: list[Any]
    _structure: TreeSpec
    _versions: tuple[tuple[torch.Tensor, int], ...]
    outputs: tuple[Edge | None, ...] = ()
    frames: tuple[Frame, ...] = ()
    changed: tuple[Changed, ...] = ()
    autocast: torch.dtype | None = None
    overwrites: bool = False
    _overwritten: tuple[tuple[int, torch.Tensor], ...] = ()

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments by place and by name, as they were before the call.

        Raises:
            NotKept: One of them was changed since.
        """
        refuse_changed(self._versions)
        return self.with_parts(self._parts)

    @property
    def parts(self) -> tuple[Any, ...]:
        """What the arguments consist of, in the order of `tree_flatten`."""
        return tuple(self._parts)

    def with_parts(self, parts: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments by place and by name, made of other parts."""
        args, kwargs = tree_unflatten(list(parts), self._structure)
        return args, kwargs

    def refuse_changed(self, part: torch.Tensor) -> None:
        """See to it that one of its parts is what it was.

        Raises:
            NotKept: It was changed in place.
        """
        refuse_changed(pair for pair in self._versions if pair[0] is part)


def refuse_changed(versions: Iterable[tuple[torch.Tensor, int]]) -> None:
    """See to it that tensors are what they were.

    Raises:
        NotKept: One was changed in place.
    """
    for tensor, version in versions:
        if tensor._version != version:
            what = "×".join(map(str, tensor.shape)) or "a single number"
            raise NotKept(f"one of its tensors ({what}) was changed in place since")


class KeptCalls:
    """Keeps the calls of one sample, within a budget of memory."""

    def __init__(self) -> None:
        self._calls: list[KeptCall] = []
        self._copies: dict[tuple[int, int], torch.Tensor] = {}
        self._held: dict[int, torch.Tensor] = {}
        self._bytes = self._copied = 0
        self._is_full = False
        self._unwrap: Any = None

    def begin(self) -> None:
        """Hear of the Functions that the user's code applies: torch asks no mode for them."""
        if self._unwrap is None:
            self._unwrap = getattr(_UTILS, _HOOK)
            setattr(_UTILS, _HOOK, self._applied)

    def end(self) -> None:
        """Hear of no more."""
        if self._unwrap is not None:
            setattr(_UTILS, _HOOK, self._unwrap)
            self._unwrap = None

    def before(
        self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None, first: int
    ) -> KeptCall | None:
        """Take up a call that is about to be made; None if it makes no node, or there is no memory left.

        Args:
            function: What is called.
            args: Its arguments by place.
            kwargs: Its arguments by name.
            first: The sequence number of the first autograd node that it can make.
        """
        try:
            return self._take(function, args, kwargs or {}, first)
        except Exception:  # an argument of a kind that nobody thought of; the user's training goes on
            return None

    def _take(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], first: int) -> KeptCall | None:
        parts, structure = tree_flatten((tuple(args), dict(kwargs)))
        tensors = [part for part in parts if isinstance(part, torch.Tensor)]
        if not any(tensor.requires_grad for tensor in tensors) or torch.compiler.is_compiling():
            return None
        with torch._C.DisableTorchFunction():
            overwrites = _overwrites(function, kwargs)
            edges = tuple(_edge(part) for part in parts if is_floating(part))
            kept = [self._kept(part, overwrites) if isinstance(part, torch.Tensor) else part for part in parts]
        if any(part is None is not other for part, other in zip(kept, parts, strict=True)):
            self._is_full = True
            return None
        versions = tuple((part, part._version) for part, own in zip(kept, parts, strict=True)
                         if part is own and isinstance(part, torch.Tensor))  # fmt: skip
        changing = tuple((at, part) for at, part in enumerate(parts) if isinstance(part, torch.Tensor))
        return KeptCall(
            function, first, first, edges, torch.get_rng_state(), kept, structure, versions,
            autocast=torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None,
            overwrites=overwrites, _overwritten=changing if overwrites else (),
        )  # fmt: skip

    def after(self, call: KeptCall, out: Any) -> None:
        """The call has returned."""
        call.stop = _get_sequence_nr()
        if call.stop > call.first:
            with torch._C.DisableTorchFunction(), contextlib.suppress(Exception):  # the same
                call.outputs = tuple(_edge(part) for part in tree_flatten(out)[0] if is_floating(part))
                call.changed = tuple(_changed(call._overwritten))
            call._overwritten = ()
            self._calls.append(call)

    def hold(self, tensors: Iterable[torch.Tensor]) -> bool:
        """Hold on to tensors, if there is room for them."""
        new = {id(tensor): tensor for tensor in tensors if id(tensor) not in self._held}
        size = sum(_bytes(tensor) for tensor in new.values())
        if self._bytes + size > HELD:
            return False
        self._held |= new
        self._bytes += size
        return True

    @property
    def calls(self) -> tuple[KeptCall, ...]:
        """All of them, in the order in which they were made."""
        return tuple(self._calls)

    @property
    def is_full(self) -> bool:
        """Whether there was no memory for some."""
        return self._is_full

    def leaf(self, key: int) -> torch.Tensor:
        """The leaf of which this is the id in an `Edge`."""
        return self._held[key]

    def of(self, node: Any) -> KeptCall:
        """The call that made a node.

        Raises:
            NotKept: It was not kept.
        """
        number = node._sequence_nr()
        found = next((call for call in reversed(self._calls) if call.first <= number < call.stop), None)
        if found is None:
            raise NotKept(
                "there was no memory to keep its arguments" if self._is_full else "its call was not heard"
            )
        return found

    def frames_of(self, node: Any) -> tuple[Frame, ...]:
        """The user's calls in which the Function was applied that made a node; none if they are not known."""
        try:
            return self.of(node).frames
        except NotKept:
            return ()

    def arguments_of(self, node: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What went into the call that made a node; nothing if that is not known."""
        try:
            return self.of(node).arguments()
        except NotKept:
            return (), {}

    def _applied(self, args: tuple[Any, ...]) -> Any:
        """Torch's Function.apply is about to be entered, in the frame that calls this."""
        unwrapped = self._unwrap(args)
        function = sys._getframe(1).f_locals.get("cls")
        if not (isinstance(function, type) and issubclass(function, torch.autograd.Function)):
            return unwrapped
        if torch.is_grad_enabled():
            call = self.before(function.apply, unwrapped, None, _get_sequence_nr())
            if call is not None:
                call.stop = call.first + 1  # its node is the next one to be made
                call.frames = user_frames()
                self._calls.append(call)
        return unwrapped

    def _kept(self, tensor: torch.Tensor, overwrites: bool) -> torch.Tensor | None:
        """A tensor, or a copy of one that will change; None if there is no room for it."""
        if not (overwrites or (tensor.is_leaf and (tensor.requires_grad or _bytes(tensor) <= SMALL))):
            return tensor if tensor.is_leaf or self.hold([tensor]) else None
        key = (id(tensor), tensor._version)
        if key not in self._copies:
            self._copied += _bytes(tensor)
            if self._copied > COPIED:
                return None
            self._held[id(tensor)] = tensor  # its id is not to be used again
            self._copies[key] = tensor.detach().clone()
        return self._copies[key]


def _overwrites(function: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether a torch function changes an argument: "mul_", "__imul__", "__setitem__", relu(inplace=True)."""
    name = str(getattr(function, "__name__", ""))
    is_in_place = name.startswith(("__i", "__set")) if name.startswith("__") else name.endswith("_")
    return is_in_place or bool(kwargs.get("inplace"))


def _changed(overwritten: Iterable[tuple[int, torch.Tensor]]) -> Iterator[Changed]:
    for at, tensor in overwritten:
        for is_base, part in enumerate((tensor, tensor._base)):
            edge = _edge(part) if part is not None else None
            if edge is not None:
                yield at, bool(is_base), edge


def _edge(tensor: torch.Tensor) -> Edge | None:
    if not tensor.requires_grad:
        return None
    return (id(tensor), 0) if tensor.is_leaf else (tensor.grad_fn, tensor.output_nr)


def edge_of(source: Any, number: int) -> Edge:
    """The same of one of the edges of a node."""
    return (id(source.variable), 0) if is_leaf(source) else (source, number)


def is_floating(part: Any) -> bool:
    """Whether something is a tensor that may have a gradient."""
    return isinstance(part, torch.Tensor) and part.is_floating_point()


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()
