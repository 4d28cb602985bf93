"""Forward ops, one by one, as they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import MethodWrapperType
from typing import Any

import numpy as np
import torch
from torch._C import _len_torch_function_stack, _pop_torch_function_stack, _push_on_torch_function_stack
from torch._C._autograd import _get_sequence_nr
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from bptui.debuggee.kept_calls import KeptCalls
from bptui.debuggee.module_calls import Call, ModuleCalls
from bptui.debuggee.places import user_frames, user_place
from bptui.debuggee.stats import try_summarise
from bptui.records import Frame, Place, TensorSummary

TAG = "bptui.op"
"""Under this key an autograd node's metadata holds the `Op` that made it."""


_HAS_FUNCTION = "has_torch_function"
_has_torch_function: Callable[[Any], bool] = getattr(torch.overrides, _HAS_FUNCTION)

_OF_LEAVES = 2**64 - 1
"""The sequence number of the nodes of all leaves."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An argument without history: data, not a result.

    Attributes:
        value: The object itself, to be found again in the sample.
        summary: Its numbers when the first op used it.
    """

    value: object
    summary: TensorSummary | None


@dataclass(frozen=True, slots=True)
class Op:
    """One call of a torch function that autograd noticed.

    Attributes:
        output: What came out; None of a step in between, where one call makes several nodes.
        leaves: The arguments that are data.
        place: The user's line; None where it was not heard.
        call: The module's call in which it was made.
        frames: The user's calls in which it was made, if one steps from op to op.
    """

    output: TensorSummary | None
    leaves: tuple[Leaf, ...]
    place: Place | None
    call: Call | None
    frames: tuple[Frame, ...] = ()


UNHEARD = Op(None, (), None, None)
"""What is known of a node that was made before anybody listened."""


class OpTagger(TorchFunctionMode):
    """Tags the autograd node of every op with what was computed, from what, and where.

    Attributes:
        leaves: The tensors without history, as they were when first used, by their id; the `Leaf` keeps the
            tensor, so no id is used twice.
        around: Called in place of every op, with what would record it; None while nobody steps from op to op.
        kept: Keeps the ops, to be called once more at a stop; None if they are not.
        hold: Given each node with what its op gave; None while nobody wants to have them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.leaves: dict[int, Leaf] = {}
        self.around: Callable[..., Any] | None = None
        self.kept: KeptCalls | None = None
        self.hold: Callable[[Any, Any], None] | None = None
        self._modules = ModuleCalls(self._note_passing)
        self._calls = 0  # in a call torch has taken us off the stack, and puts us back after it, whatever we do
        self._is_over = False

    def begin(self) -> None:
        """Listen from now on; what was heard before is forgotten."""
        self.leaves = {}
        self._modules.begin()
        setattr(torch.overrides, _HAS_FUNCTION, self._has_torch_function)
        self._is_over = False
        if not self._calls and self not in _get_current_function_mode_stack():  # type: ignore[no-untyped-call]
            _push_on_torch_function_stack(self)

    def end(self) -> None:
        """Listen no more; a mode that the user's code has entered meanwhile, and not left, stays."""
        self._is_over = True
        self._modules.end()
        setattr(torch.overrides, _HAS_FUNCTION, _has_torch_function)
        if self._calls:
            return
        # `with` would take that mode off the stack in our place. If the user's code has left one that it entered
        # before, it is the other way round: we were taken off and the other is still there, on top.
        modes = [_pop_torch_function_stack() for _ in range(_len_torch_function_stack())]
        ours = modes.index(self) if self in modes else 0
        del modes[ours : ours + 1]
        for mode in reversed(modes):
            _push_on_torch_function_stack(mode)

    @property
    def call(self) -> Call | None:
        """The call of a module that is going on."""
        return self._modules.current

    def _has_torch_function(self, relevant: Any) -> bool:
        """What torch would say without us: of a mode, nn.TransformerEncoder takes another way in eval()."""
        is_alone = not torch.compiler.is_compiling() and _len_torch_function_stack() == 1
        if not is_alone or self not in _get_current_function_mode_stack():  # type: ignore[no-untyped-call]
            return _has_torch_function(relevant)
        _pop_torch_function_stack()
        try:
            return _has_torch_function(relevant)
        finally:
            _push_on_torch_function_stack(self)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the op, and tag the nodes that are new."""
        self._calls += 1
        try:
            if self._is_over:
                return func(*args, **(kwargs or {}))
            if self.around is not None:
                return self.around(self._call, func, args, kwargs)
            return self._call(func, args, kwargs)
        finally:
            self._calls -= 1

    def _call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        if not torch.is_grad_enabled():  # it makes no node: an optimizer's step, a validation
            return func(*args, **(kwargs or {}))
        first = _get_sequence_nr()
        if type(func) is MethodWrapperType:  # an attribute: zero_grad() asks each of 10 000 parameters for one
            out = func(*args)
            if node_of(out) is None:
                return out
            inputs = args
            before = self.note(args)
            kept = self.kept.before(func, args, kwargs, first) if self.kept else None
        else:
            inputs = tuple(flat((*args, *(kwargs or {}).values())))
            before = self.note(inputs)
            kept = self.kept.before(func, args, kwargs, first) if self.kept else None
            out = func(*args, **(kwargs or {}))
        if self.kept and kept:
            self.kept.after(kept, out)
        for tensor in flat((out,)):
            node = node_of(tensor)
            if node is not None and node not in before:
                self._tag(node, tensor, inputs, first)
        return out

    def note(self, values: Sequence[Any]) -> set[Any]:
        """Tag, with value and module alone, the nodes that were made unheard; give the nodes of all values.

        Not called through us are an autograd.Function of the user's own, compiled code, what a backward pass
        computes again.
        """
        nodes = {node: value for value in values if (node := node_of(value)) is not None}
        call = self._modules.current
        for node, value in nodes.items():
            if TAG not in node.metadata:
                frames = self.kept.frames_of(node) if self.kept is not None else ()
                place = frames[0].place if frames else None
                node.metadata[TAG] = Op(try_summarise(value), (), place, call, frames)
                if self.hold is not None:
                    self.hold(node, value)
                if call is not None:
                    _tag_between(node, Op(None, (), None, call), call.first)
        return set(nodes)

    def _note_passing(self, values: Any) -> None:
        self.note(tuple(flat(values if isinstance(values, tuple) else (values,))))

    def _tag(self, node: Any, output: torch.Tensor, inputs: tuple[Any, ...], first: int) -> None:
        call = self._modules.current
        frames = user_frames() if self.around is not None else ()
        place = frames[0].place if frames else user_place()
        leaves = tuple(map(self._leaf, filter(_is_data, inputs)))
        node.metadata[TAG] = Op(try_summarise(output), leaves, place, call, frames)
        if self.hold is not None:
            self.hold(node, output)
        _tag_between(node, Op(None, (), place, call, frames), first)

    def _leaf(self, value: Any) -> Leaf:
        if not isinstance(value, torch.Tensor):
            return Leaf(value, None if isinstance(value, float) else try_summarise(value))
        if id(value) not in self.leaves:
            self.leaves[id(value)] = Leaf(value, try_summarise(value))
        return self.leaves[id(value)]


def _tag_between(node: Any, op: Op, first: int) -> None:
    """Tag the nodes that were made on the way to a node, those from sequence number `first` on."""
    waiting = [source for source, _ in node.next_functions]
    while waiting:
        source = waiting.pop()
        if source is not None and first <= source._sequence_nr() < _OF_LEAVES and TAG not in source.metadata:
            source.metadata[TAG] = op
            waiting += [deeper for deeper, _ in source.next_functions]


def flat(values: Sequence[Any]) -> Iterator[Any]:
    """The values, with those of tuples and lists one by one."""
    for value in values:
        if isinstance(value, tuple | list):
            yield from value
        else:
            yield value


def node_of(value: Any) -> Any:
    """The autograd node that made a value, None if none did."""
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        return None
    try:
        return value.grad_fn
    except RuntimeError:  # a view made in no_grad and then changed in place has no legal grad_fn
        return None


def _is_data(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.requires_grad or value.is_leaf
    return isinstance(value, np.generic | np.ndarray | float)
