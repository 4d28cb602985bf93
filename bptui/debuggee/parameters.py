"""The parameters that a sample's backward passes reach: weights before and after the update, gradients."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from bptui.debuggee.known import ElementReader, Known, is_one_float
from bptui.debuggee.nodes import nodes_under
from bptui.debuggee.norms import total
from bptui.debuggee.shares import Shares
from bptui.debuggee.stats import kind_of
from bptui.records import Kind

_SMALL = 8
"""A graph of so few nodes is walked at every sample: 0.5 µs a node."""

_REWALK = 64
"""A larger one every so many samples, or if another parameter is nearest to the loss."""

_FEW = 4
"""Of so few parameters the weights, too, are read at every sample."""

_version = operator.attrgetter("_version")
_ACCUMULATE_GRAD: Any = torch._C._functions.AccumulateGrad  # type: ignore[attr-defined]


class Parameters:
    """Follows the leaves of a sample's graphs that get a gradient.

    Attributes:
        leaves: The leaves, the nearest to the loss first.
    """

    def __init__(self) -> None:
        self.leaves: list[torch.Tensor] = []
        self._numel = 0
        self._is_volatile = True
        self._is_small = True
        self._age = 0
        self._is_weighed = True
        self._before: Any = None
        self._grad: Any = None
        self._shares = Shares()
        self._noted: list[int] | None = []
        self._awaited: list[torch.Tensor] = []
        self._one: torch.Tensor | None = None
        self._weights, self._grads = ElementReader(), ElementReader()
        self._kinds: tuple[tuple[Any, ...], Kind] = ((), Kind((0,), "", ""))

    def begin(self, outputs: Sequence[Any], is_measured: bool) -> None:
        """A sample's first backward pass is about to begin: note the weights that it reaches.

        Args:
            outputs: What it begins from.
            is_measured: Whether to read the weights however many there are.
        """
        self._age += 1
        self._awaited = []
        self._shares.clear()
        is_known = not (self._is_small or self._is_volatile or self._age % _REWALK == 0)
        if is_measured or not is_known or self._is_another(outputs):
            self._find(outputs)
        self._is_weighed = is_measured or len(self.leaves) <= _FEW
        self._before = self._read_weights() if self._is_weighed else None

    def _find(self, outputs: Sequence[Any]) -> None:
        leaves, count = _walk_all(outputs)
        self._is_small = count <= _SMALL
        # An input that has a gradient, too, is another one with each sample.
        self._is_volatile = len(leaves) != len(self.leaves) or any(map(operator.is_not, leaves, self.leaves))
        if self._is_volatile:
            self.leaves, self._numel = leaves, _numel(leaves)
            # One parameter of one element is read at once: three numbers at every sample.
            self._one = leaves[0] if len(leaves) == 1 and is_one_float(leaves[0]) else None

    def _read_weights(self) -> Any:
        if self._one is None:
            return self._together(self.leaves)
        with torch._C.DisableTorchFunction():
            return self._weights.read(self._one)

    @property
    def one(self) -> torch.Tensor | None:
        """The only parameter, of one element, under a small graph that was the same the last time."""
        return self._one if self._is_small and not self._is_volatile else None

    def weight_now(self) -> float | None:
        """The element of `one`, None if it is of another kind now."""
        return self._weights.number(self._one)

    def grad_now(self) -> float | None:
        """That of its gradient, None if it has none, or one of another kind."""
        assert self._one is not None
        grad = self._one.grad
        return None if grad is None else self._grads.number(grad)

    def take_up(self, weight: float, grad: float | None) -> None:
        """Go on with a sample of `one`.

        Args:
            weight: Its element at the beginning.
            grad: That of its gradient, if there has been one.
        """
        self._before, self._awaited = self._weights.known(weight), []
        self._shares.clear()
        if grad is not None:
            self._noted, self._grad = [], self._grads.known(grad)

    def widen(self, outputs: Sequence[Any]) -> None:
        """A further backward pass of the sample is about to begin: it may reach other parameters."""
        known = {id(leaf) for leaf in self.leaves}
        new = [leaf for leaf in leaves_under(outputs) if id(leaf) not in known]
        if new:
            self._one, self.leaves = None, [*self.leaves, *new]
            self._numel = _numel(self.leaves)
            if self._is_weighed:
                self._before = self._joined(self._before, self._together(new))
        self._is_small = True  # the next sample begins with its own

    def await_update(self) -> None:
        """An optimizer is going to use the gradients: they are kept then, or at the end of the sample.

        If the sample is skipped and they are set to None, they are those that there were now.
        """
        self._grad, self._noted = None, None
        self._awaited = _grads_of(self.leaves)

    def note_grads(self) -> None:
        """Keep the gradients as they are now."""
        self._awaited = []
        rest = self._shares.rest(self.leaves)
        with torch._C.DisableTorchFunction():
            if self._one is not None and rest and (grad := self._one.grad) is not None:
                self._noted, self._grad = [id(grad), grad._version], self._grads.read(grad)
                return
        grads = _grads_of(rest)
        self._noted, self._grad = _states(grads), self._together(grads)

    def before_update(self, optimizer: torch.optim.Optimizer, is_unscaled: bool) -> None:
        """An optimizer is about to use the gradients: keep those, if they were clipped or scaled since.

        Args:
            optimizer: The optimizer.
            is_unscaled: Whether a GradScaler has scaled them back, of which their versions do not tell.
        """
        is_again = self._shares.take_back(optimizer)
        if is_again or is_unscaled or self._noted is None or self._is_changed():
            self.note_grads()

    def after_update(self, optimizer: torch.optim.Optimizer) -> None:
        """It has used them: what a further backward pass adds to them is not of this update."""
        if self._noted is None:
            self.note_grads()
        own, others = self._shares.split(optimizer, self._shares.rest(self.leaves))
        if not own:
            return
        used = self._grad
        if others:
            used, self._grad = (self._together(_grads_of(leaves)) for leaves in (own, others))
            self._noted = None
        else:
            self._grad, self._noted = None, []
        self._shares.add(optimizer, own, used)

    def _is_changed(self) -> bool:
        """Whether the gradients are others than those that were noted."""
        return _states(_grads_of(self._shares.rest(self.leaves))) != self._noted

    def quantities(self) -> tuple[Any, Any, Any]:
        """The weights before and after, and the gradients: of one parameter itself, of several the norm.

        None for the weights where it would have cost too much to read them.
        """
        if self._noted is None and self._awaited and not _grads_of(self.leaves):
            self._grad, self._awaited = self._together(self._awaited), []
        elif self._noted is None:
            self.note_grads()
        grad = functools.reduce(self._joined, self._shares.grads(), self._grad)
        return self._before, self._read_weights() if self._is_weighed else None, grad

    def weigh(self) -> float | None:
        """The norm of all weights as they are now, None if there are none."""
        return float(total(self.leaves, self._numel)) if self.leaves else None

    def _is_another(self, outputs: Sequence[Any]) -> bool:
        """Whether the graph is not the one that was walked: another parameter is nearest to the loss."""
        return not self.leaves or _nearest_leaf(outputs) is not self.leaves[0]

    def _together(self, tensors: list[torch.Tensor]) -> Any:
        if not tensors:
            return None
        with torch._C.DisableTorchFunction():
            if len(self.leaves) > 1:
                numel = self._numel if len(tensors) == len(self.leaves) else _numel(tensors)
                return Known(total(tensors, numel), self._kind((numel,), tensors[0]))
            return tensors[0].detach().clone()

    def _kind(self, shape: tuple[int, ...], example: torch.Tensor) -> Kind:
        key = (shape, example.dtype, example.device)
        if key != self._kinds[0]:
            self._kinds = key, replace(kind_of(example), shape=shape)
        return self._kinds[1]

    def _joined(self, one: Any, other: Any) -> Any:
        """The norm of two groups of parameters taken together."""
        if one is None:
            return other
        parts = [float(each.value if isinstance(each, Known) else total([each], 1)) for each in (one, other)]
        return Known(math.hypot(*parts), self._kind((self._numel,), self.leaves[0]))


def reaches_only(output: Any, leaf: torch.Tensor) -> bool:
    """Whether a backward pass from a tensor reaches this leaf and no other.

    As long as each node leads to one, nothing has to be remembered: a third of the time of a walk over any graph.
    """
    node = output.grad_fn
    while node is not None:
        source = None
        for each, _ in node.next_functions:
            if each is not None and source is not None:
                leaves = leaves_under([output])
                return len(leaves) == 1 and leaves[0] is leaf
            source = each or source
        if source is None:
            return type(node) is _ACCUMULATE_GRAD and node.variable is leaf
        node = source
    return False


def leaves_under(outputs: Sequence[Any]) -> list[torch.Tensor]:
    """The leaves that a backward pass from these outputs reaches, the nearest first."""
    return _walk_all(outputs)[0]


def _walk_all(outputs: Sequence[Any]) -> tuple[list[torch.Tensor], int]:
    """The leaves under these outputs, the nearest first, and how many nodes their graph has."""
    leaves = [output for output in outputs if isinstance(output, torch.Tensor) and output.is_leaf]
    nodes = list(nodes_under(outputs))
    leaves += [node.variable for node in nodes if type(node) is _ACCUMULATE_GRAD]
    return leaves, len(nodes)


def _nearest_leaf(outputs: Sequence[Any]) -> torch.Tensor | None:
    """The first leaf that `_walk_all` finds below, and no step further."""
    leaves: Iterator[torch.Tensor]
    leaves = (node.variable for node in nodes_under(outputs) if type(node) is _ACCUMULATE_GRAD)
    return next(leaves, None)


def _numel(tensors: list[torch.Tensor]) -> int:
    return sum([each.numel() for each in tensors])


def _grads_of(leaves: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    with torch._C.DisableTorchFunction():
        return [grad for leaf in leaves if (grad := leaf.grad) is not None]


def _states(grads: list[torch.Tensor]) -> list[int]:
    """What changes with gradients: which tensors they are, and how often those were written."""
    return [*map(id, grads), *map(_version, grads)]
