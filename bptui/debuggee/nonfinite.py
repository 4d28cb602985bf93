"""Where the first number of a sample that is not finite comes from: the op, node or update that made it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch

from bptui.debuggee.nodes import is_leaf
from bptui.debuggee.ops import flat, node_of
from bptui.debuggee.unobserved import unobserved
from bptui.records import FIRST

Source = Literal["", "data", "before", "number", "sum"]
"""Where a number that is not finite and that no op of the sample has made comes from."""


Kind = Literal["op", "node", "update"]


class Count(NamedTuple):
    """How many elements are not finite."""

    nans: int = 0
    pos_infs: int = 0
    neg_infs: int = 0

    def __str__(self) -> str:
        names = zip(self, ("NaN", "+Inf", "-Inf"), strict=True)
        return ", ".join(f"{count:,} {name}" for count, name in names if count)

    @property
    def is_mask(self) -> bool:
        """Whether it is as in a mask: -Inf and nothing else."""
        return any(self) and not (self.nans or self.pos_infs)


NONE = Count()


def count(tensors: Iterable[Any]) -> Count:
    """How many elements of some tensors are not finite; of what is no tensor of floats, none."""
    found = [_count(each) for each in tensors]
    return Count(*map(sum, zip(*found, strict=True))) if found else Count()


def _count(tensor: Any) -> Count:
    if not isinstance(tensor, torch.Tensor):
        return NONE
    try:
        with unobserved():
            return _count_in(tensor.detach())
    except (RuntimeError, TypeError):  # of a transform, or of a dtype that can not be asked
        return NONE


def _count_in(values: torch.Tensor) -> Count:
    if not (values.is_floating_point() or values.is_complex()):
        return NONE
    values = values._values() if values.layout == torch.sparse_coo else values
    if torch.isfinite(values).all():
        return NONE
    values = torch.view_as_real(values.resolve_conj()) if values.is_complex() else values
    return Count(*(int(each.sum()) for each in (values.isnan(), values.isposinf(), values.isneginf())))


def _memory(tensor: torch.Tensor) -> int:
    """What all views of a tensor share; 0 if that is not known."""
    try:
        with torch._C.DisableTorchFunction():
            return tensor.untyped_storage().data_ptr()
    except RuntimeError:
        return 0


@dataclass(eq=False)
class Event:
    """An op, node or update that gave something not finite.

    Attributes:
        number: The how many-th it is of all that were heard.
        made: What it gave.
        came: What went into it.
        parents: What gave that.
        source: Where it comes from otherwise.
        kind: What it is.
        forward: Of a node, what its op had given.
    """

    number: int
    made: Count
    came: Count = NONE
    parents: Sequence[Event] = ()
    source: Source = ""
    kind: Kind = "op"
    forward: Count = NONE
    is_mask: bool = field(init=False)

    def __post_init__(self) -> None:
        is_meant = self.source in ("data", "number") or bool(self.parents)
        self.is_mask = self.made.is_mask and is_meant and all(each.is_mask for each in self.parents)

    @property
    def is_first(self) -> bool:
        """Whether nothing before it is to blame: a NaN of a mask's -Inf alone is its own."""
        if self.made.nans and self.came.is_mask and all(each.is_mask for each in self.parents):
            return True
        return not self.parents or self.source in ("data", "before")

    def in_words(self, op: str) -> str:
        """Why it is the first one, in one line."""
        return f"{FIRST}{op}, {self._how()}"

    def _how(self) -> str:
        if self.source == "sum":
            return f"the gradient that came has {self.came}; a sum, a hook or the caller of backward made it"
        if self.made.nans and self.came.is_mask:
            return f"output has {self.made}; of its inputs {self.came} is all that is not finite"
        if self.source == "data":
            return f"its input is not finite: {self.came} from the data, no op of this sample made them"
        if self.source == "before":
            return f"its input is not finite: {self.came}, and was so before this sample"
        if self.source == "number":
            return f"output has {self.made}; its inputs are finite but for a number that it was given"
        if self.kind == "update":
            return f"parameters have {self.made}; they and their gradients were finite before"
        if self.kind == "node":
            after = f"; in forward its op gave {self.forward}" if any(self.forward) else ""
            return f"gradient out has {self.made}; the gradient that came is finite{after}"
        return f"output has {self.made}; its inputs are finite"


class Inputs(NamedTuple):
    """What of the inputs of an op is not finite.

    Attributes:
        tensors: The tensors.
        broken: Of all their elements.
        has_number: Whether a plain number is not finite.
    """

    tensors: list[torch.Tensor]
    broken: Count
    has_number: bool


class NonFinite:
    """Listens to one sample, op by op and node by node, for what is not finite.

    What is not finite may be meant, as in a mask, and never reach a loss or a gradient. So the first one is looked
    for at the end of the sample: the earliest from which those that matter descend.

    Attributes:
        here: What the op or node at hand gave, if it is where to stop.
    """

    def __init__(self, stop_at: int = 0) -> None:
        """Have heard nothing.

        Args:
            stop_at: The how many-th op or node is where to stop, 0 for none.
        """
        self.here: Event | None = None
        self._stop_at = stop_at
        self._count = 0
        self._events: list[Event] = []
        self._bad: list[Event] = []  # what matters: of losses, of gradients, of parameters
        self._of_memory: dict[int, Event] = {}
        self._of_node: dict[Any, Event] = {}
        self._alive: list[torch.Tensor] = []  # so that no other tensor gets their memory
        self._sent: dict[Any, list[Event]] = {}  # to each node, by those that gave it a gradient
        self._leaves: set[int] = set()

    # -- ops -------------------------------------------------------------------------------------------

    def before(self, values: Iterable[Any]) -> Inputs:
        """What goes into an op."""
        values = [*flat([*values])]
        tensors = [each for each in values if any(_count(each))]
        has_number = any(isinstance(each, float) and not math.isfinite(each) for each in values)
        return Inputs(tensors, count(tensors), has_number)

    def after(self, inputs: Inputs, out: Iterable[Any], node: Any = None, kind: Kind = "op") -> bool:
        """What came out of an op, perhaps by a node of which nothing else was heard; whether to stop here."""
        self._count += 1
        made = {id(each): each for each in flat([*out]) if any(_count(each))}
        if made:
            parents, source = self._origin(inputs)
            if node is not None:
                sources = [each for each, _ in node.next_functions]
                parents = list({*parents, *(self._of_node[each] for each in sources if each in self._of_node)})
            event = self._note(Event(self._count, count(made.values()), inputs.broken, parents, source, kind))
            for each in made.values():
                self._made(event, each)
        return self._is_here()

    def knows(self, node: Any) -> bool:
        """Whether the op that made a node was heard, and gave something not finite: one that returns nothing."""
        return node in self._of_node

    def _made(self, event: Event, tensor: torch.Tensor) -> None:
        memory = self._link(event, tensor)
        with torch._C.DisableTorchFunction():
            self._alive.append(tensor.detach())
        if memory in self._leaves or (tensor.is_leaf and tensor.requires_grad):
            self._bad.append(event)
        if (node := node_of(tensor)) is not None:
            self._of_node.setdefault(node, event)

    def _link(self, event: Event, tensor: torch.Tensor) -> int:
        """Whoever finds it as an input knows where it comes from."""
        if memory := _memory(tensor):
            self._of_memory[memory] = event
        return memory

    def _origin(self, inputs: Inputs) -> tuple[list[Event], Source]:
        parents: dict[Event, None] = {}
        source: Source = "number" if inputs.has_number else ""
        for each in inputs.tensors:
            memory = _memory(each)
            if (event := self._of_memory.get(memory)) is not None:
                parents[event] = None
            elif self._bad:  # a gradient that reached it in some other way
                parents |= dict.fromkeys(self._bad)
            else:
                is_old = memory in self._leaves or each.requires_grad
                source = "before" if is_old or source == "before" else "data"
        return list(parents), source

    # -- backward --------------------------------------------------------------------------------------

    def begin_backward(self, outputs: Iterable[Any]) -> None:
        """A backward pass begins from these."""
        for each in outputs:
            if any(_count(each)):
                event = self._of_memory.get(_memory(each))
                self._bad += [event] if event is not None else self._events

    def node(self, node: Any, into: Sequence[Any], came: Sequence[Any]) -> bool:
        """A node has computed gradients; whether to stop here."""
        self._count += 1
        given, made, forward = count(came), count(into), Count()
        grad = None
        if is_leaf(node):
            self._leaves.add(_memory(node.variable))
            grad = node.variable.grad
            made = count([grad])
        elif node in self._of_node:
            forward = self._of_node[node].made
        parents = self._sent.pop(node, [])
        if any(made) or (any(given) and not parents):
            source: Source = "sum" if any(given) and not parents else ""
            event = Event(self._count, made, given, parents if any(given) else (), source, "node", forward)
            self._pass_on(self._note(event), node, into, grad)
        return self._is_here()

    def _pass_on(self, event: Event, node: Any, into: Sequence[Any], grad: Any) -> None:
        for (source, _), each in zip(node.next_functions, into, strict=False):
            if source is not None and any(_count(each)):
                self._sent.setdefault(source, []).append(event)
                self._link(event, each)
                self._bad += [event] if is_leaf(source) else []
        if grad is not None and any(_count(grad)):
            self._link(event, grad)
            self._bad.append(event)

    # -- what came of it -------------------------------------------------------------------------------

    def _note(self, event: Event) -> Event:
        self._events.append(event)
        return event

    def _is_here(self) -> bool:
        if self._count != self._stop_at:
            return False
        self.here = self._events[-1] if self._events and self._events[-1].number == self._count else None
        return True

    def first(self) -> Event | None:
        """Of those from which a loss, a gradient or a parameter that is not finite descends, the first."""
        waiting = [*(self._bad or self._events)]
        seen = set(waiting)
        for event in waiting:
            for parent in () if event.is_first else event.parents:
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return min((each for each in seen if each.is_first), key=lambda each: each.number, default=None)
