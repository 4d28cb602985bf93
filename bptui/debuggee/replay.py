"""The forward pass of a sample, made once more from the calls that were kept, on other data or weights."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._pytree import tree_flatten

from bptui.debuggee.kept_calls import Edge, KeptCall, KeptCalls, NotKept, is_floating
from bptui.debuggee.ops import TAG
from bptui.explain.calls import name_of

EXACT = 1e-4
"""Up to this relative difference the loss is the training's own: the copy computes with one thread."""

Tweak = Callable[[KeptCall, tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]
"""Other arguments for a call."""


@dataclass
class Step:
    """A call to be made again.

    Attributes:
        call: The call.
        sources: Of each part of its arguments that depends on a parameter, where that comes from.
        data: Its other parts that are tensors, by their place among the parts.
        is_last: Whether no parameter joins from here on: a step of the loss function.
        wanted: What is needed of it, and how it is found in what it gives.
    """

    call: KeptCall
    sources: dict[int, Edge]
    data: dict[int, torch.Tensor]
    is_last: bool = True
    wanted: dict[Edge, Callable[[list[Any], list[Any]], torch.Tensor]] = field(default_factory=dict)

    @property
    def has_leaf(self) -> bool:
        """Whether a parameter itself is among its arguments."""
        return any(isinstance(node, int) for node, _ in self.sources.values())

    @property
    def has_history(self) -> bool:
        """Whether the result of another call is."""
        return any(not isinstance(node, int) for node, _ in self.sources.values())

    @property
    def takes_inputs(self) -> bool:
        """Whether data that goes into it is what the network is asked about."""
        return not self.is_last and (self.has_leaf or not self.has_history or self.name in _JOINING)

    @property
    def name(self) -> str:
        """What was called: "cross_entropy"."""
        return name_of(self.call.function)


class Replay:
    """What led from data and parameters to a loss.

    To be made, and run, in a copy of the training's process only: it sets the parameters themselves.

    Attributes:
        steps: The calls on the way to the loss, in their order.
        leaves: The parameters on the way.
        loss: The loss of the sample; None if it is not known.
    """

    def __init__(self, kept: KeptCalls, root: Any) -> None:
        """Find the way to a loss.

        Args:
            kept: The calls of the sample.
            root: The node at which its backward pass began.

        Raises:
            NotKept: It can not be made again, and why.
        """
        self._kept = kept
        self._root: Edge = (root, 0)
        self._call_at = {number: call for call in kept.calls for number in range(call.first, call.stop)}
        self._values: dict[int, torch.Tensor] = {}
        self.steps = self._slice()
        self.leaves = [kept.leaf(key) for key in self._values]
        tag = root.metadata.get(TAG)
        self.loss: float | None = tag.output.item if tag is not None and tag.output is not None else None
        self._of_sample = list(self._values.values())

    # -- the way ---------------------------------------------------------------------------------------

    def _slice(self) -> list[Step]:
        """The calls behind the root, and what is needed of each."""
        steps: dict[int, Step] = {}
        waiting: list[tuple[Edge, Step | None]] = [(self._root, None)]
        uses: dict[int, list[Step]] = defaultdict(list)
        while waiting:
            edge, user = waiting.pop()
            call = self._producer(edge)
            if id(call) not in steps:
                step = steps[id(call)] = self._step(call)
                waiting += [(source, step) for source in step.sources.values() if not isinstance(source[0], int)]
            step = steps[id(call)]
            step.wanted[edge] = _finder(call, edge)
            if user is not None:
                uses[id(call)].append(user)
        in_order = sorted(steps.values(), key=lambda step: step.call.first)
        for step in reversed(in_order):
            step.is_last = not step.has_leaf and all(user.is_last for user in uses[id(step.call)])
        return in_order

    def _producer(self, edge: Edge) -> KeptCall:
        call = self._call_at.get(edge[0]._sequence_nr())
        if call is None:
            why = "there was no memory to keep it" if self._kept.is_full else "it was not heard"
            raise NotKept(f"the call that made {edge[0].name()} was not kept: {why}")
        return call

    def _step(self, call: KeptCall) -> Step:
        sources, data, edges = {}, {}, iter(call.edges)
        for at, part in enumerate(call.parts):
            edge = next(edges) if is_floating(part) else None
            if edge is not None:
                sources[at] = edge
                if isinstance(edge[0], int):
                    self._values.setdefault(edge[0], part)
            elif isinstance(part, torch.Tensor):
                if part.requires_grad:
                    raise NotKept(f"{getattr(call.function, '__name__', 'a call')} computes with {part.dtype}")
                call.refuse_changed(part)
                data[at] = part
        return Step(call, sources, data)

    # -- data ------------------------------------------------------------------------------------------

    def inputs(self) -> dict[int, torch.Tensor]:
        """What goes into the network, by id: data that meets a parameter, or comes before all that did.

        What only meets results of other calls is a mask, or noise.
        """
        return self._data(lambda step, name: step.takes_inputs and name not in _OWN)

    def entering(self) -> dict[int, torch.Tensor]:
        """All data that comes before the loss function: inputs, masks, positions, noise."""
        return self._data(lambda step, name: not step.is_last and name not in _OWN)

    def others(self) -> dict[int, torch.Tensor]:
        """All that is neither a parameter nor the network's own: inputs, targets, masks, noise."""
        return self._data(lambda step, name: name not in (_OWN | _WEIGHTS if step.is_last else _OWN))

    def _data(self, is_meant: Callable[[Step, str], bool]) -> dict[int, torch.Tensor]:
        found = {}
        for step in self.steps:
            names = _names_of(step)
            for at, part in step.data.items():
                if part.dim() and is_meant(step, names.get(at, "")):
                    found[id(part)] = part
        return found

    def outputs(self) -> list[Edge]:
        """What comes out of the network: what is compared with targets, or else enters the loss function."""
        last = [step for step in self.steps if step.is_last and step.has_history]
        meeting = [step for step in last if any(part.dim() for part in step.data.values())]
        found = [edge for step in meeting for edge in step.sources.values()]
        if not found:
            of = {edge: step for step in self.steps for edge in step.wanted}
            found = [edge for step in last for edge in step.sources.values() if not of[edge].is_last]
        return list(dict.fromkeys(found)) or [self._root]

    # -- running ---------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Set the parameters to what they were in the sample, in memory of their own."""
        for leaf, value in zip(self.leaves, self._of_sample, strict=True):
            leaf.data = value.detach().clone()

    def run(
        self,
        data: Mapping[int, torch.Tensor] | None = None,
        tweak: Tweak | None = None,
        is_same: bool = False,
    ) -> dict[Edge, torch.Tensor]:
        """Make all calls; the values of the edges that come out.

        Args:
            data: Other data, by the id of what it takes the place of.
            tweak: Changes arguments.
            is_same: Whether the random numbers are to be those of the sample.

        Raises:
            NotKept: A call gives something else than it gave.
        """
        values: dict[Edge, torch.Tensor] = {}
        for step in self.steps:
            if is_same:
                torch.set_rng_state(step.call.random)
            try:
                values |= self._make(step, values, data or {}, tweak)
            except Exception as error:  # the user's own code, or an op that other data does not suit
                raise NotKept(f"{step.name} could not be called again: {error!r}"[:300]) from error
        return values

    def loss_of(self, values: Mapping[Edge, torch.Tensor]) -> torch.Tensor:
        """The loss among what came out."""
        loss = values[self._root]
        if loss.numel() != 1:
            raise NotKept(f"its backward pass began from {tuple(loss.shape)} numbers, not from one loss")
        return loss.reshape(())

    def _make(
        self,
        step: Step,
        values: Mapping[Edge, torch.Tensor],
        data: Mapping[int, torch.Tensor],
        tweak: Tweak | None,
    ) -> dict[Edge, torch.Tensor]:
        parts = list(step.call.parts)
        for at, edge in step.sources.items():
            parts[at] = self._kept.leaf(edge[0]) if isinstance(edge[0], int) else values[edge]
        is_changing = step.call.overwrites or step.name in _CHANGING
        for at, part in step.data.items():
            found = data.get(id(part), part)
            parts[at] = found.clone() if is_changing else found
        args, kwargs = step.call.with_parts(parts)
        if tweak is not None:
            args, kwargs = tweak(step.call, args, kwargs)
        half = step.call.autocast
        with torch.enable_grad(), torch.autocast("cpu", half, enabled=half is not None):
            returned = tree_flatten(step.call.function(*args, **kwargs))[0]
        return {edge: find(returned, parts) for edge, find in step.wanted.items()}

    def check(self) -> None:
        """See to it that the calls give the loss that the training had.

        Raises:
            NotKept: They do not.
        """
        self.restore()
        loss = float(self.loss_of(self.run(is_same=True)).detach())
        known = self.loss
        if known is None or math.isnan(known) or math.isinf(known):
            return
        if not abs(loss - known) <= EXACT * max(abs(known), EXACT):
            raise NotKept(f"made once more, its calls give the loss {loss:.6g} and not {known:.6g}")


_OWN = frozenset({"running_mean", "running_var"})
"""Arguments that are the network's own, not data."""

_WEIGHTS = frozenset({"weight", "pos_weight"})
"""Arguments of a loss function that belong to classes, not to examples."""

_JOINING = frozenset({"cat", "concat", "concatenate", "stack", "hstack", "vstack"})
"""Functions that put data beside the result of another call."""

_CHANGING = frozenset({"batch_norm", "instance_norm"})
"""Functions that change an argument, though their name does not say it."""


def named(call: KeptCall, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by name, as far as they have names: those of a function in Python."""
    code = getattr(call.function, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code is not None else ()
    return dict(zip(names, args, strict=False)) | dict(kwargs)


def _names_of(step: Step) -> dict[int, str]:
    """The names of those arguments that are one tensor, by their place among the parts."""
    found = named(step.call, *step.call.with_parts(range(len(step.call.parts))))
    return {at: name for name, at in found.items() if isinstance(at, int)}


def _finder(call: KeptCall, edge: Edge) -> Callable[[list[Any], list[Any]], torch.Tensor]:
    """How a value is found among what a call returned, or its arguments."""
    if edge in call.outputs:
        number = call.outputs.index(edge)
        return lambda returned, parts: [each for each in returned if is_floating(each)][number]
    for at, is_base, changed in call.changed:
        if changed == edge:
            return lambda returned, parts, at=at, is_base=is_base: parts[at]._base if is_base else parts[at]  # type: ignore[misc]
    if not call.outputs and not call.overwrites:  # a Function's node has an edge for each tensor
        return lambda returned, parts: [each for each in returned if isinstance(each, torch.Tensor)][edge[1]]
    raise NotKept(
        f"how {edge[0].name()} came about is not known: by a change through a view, or a transform of torch.func"
    )


def gradients(
    outputs: Sequence[torch.Tensor], grads: Sequence[torch.Tensor], inputs: Sequence[torch.Tensor]
) -> Iterator[torch.Tensor]:
    """∂(Σ outputs · grads)/∂ each input; zeros where there is none.

    Not through torch.autograd.grad: that is where the debuggee listens for the training's own.
    """
    engine = torch.autograd.Variable._execution_engine
    found = engine.run_backward(tuple(outputs), tuple(grads), True, False, tuple(inputs), True, False)
    for grad, value in zip(found, inputs, strict=True):
        yield torch.zeros_like(value) if grad is None else grad.to_dense() if grad.is_sparse else grad
