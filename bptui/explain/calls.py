"""A call that can be made again and again, of copies and with the same random numbers each time."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_unflatten


def user_function_of(function: Any) -> type | None:
    """The torch.autograd.Function whose `apply` this is."""
    owner = getattr(function, "__self__", None)
    return owner if isinstance(owner, type) and issubclass(owner, torch.autograd.Function) else None


def name_of(function: Any) -> str:
    """What a function is called: "softmax", "MyOp" of MyOp.apply."""
    owner = user_function_of(function)
    return owner.__qualname__ if owner else getattr(function, "__name__", type(function).__name__)


class Call:
    """A function of some floating tensors, and the weighted sum L of what it returns.

    Attributes:
        values: The floating tensors among its arguments, in their order, as copies without history.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        grads: Sequence[torch.Tensor | None] | None,
        seed: int,
        dtype: torch.dtype | None,
        needs: Sequence[bool] | None = None,
    ) -> None:
        self._function = function
        self._parts, self._structure = tree_flatten((tuple(args), dict(kwargs)))
        self._slots = [at for at, part in enumerate(self._parts) if _is_floating(part)]
        self.values = [_copy(self._parts[at], dtype) for at in self._slots]
        self._needs = needs or [True] * len(self.values)
        self._grads = grads
        self._seed = seed

    def loss(self, seed: int | None = None, moved: tuple[int, int, float] | None = None) -> float:
        """L = Σ g·y over all outputs y, perhaps with another seed, or with one entry of one argument replaced."""
        with torch.no_grad(), same_random_numbers(self._seed if seed is None else seed, self.values):
            values = [value.clone() for value in self.values]
            if moved is not None:
                argument, at, value = moved
                values[argument].reshape(-1)[at] = value
            return float(sum((y.double() * g).sum() for y, g in self._outputs(values)))

    def magnitude(self) -> float:
        """Σ |g·y|: what the rounding of L is to be measured by."""
        with torch.no_grad(), same_random_numbers(self._seed, self.values):
            values = [value.clone() for value in self.values]
            return float(sum((y.double() * g).abs().sum() for y, g in self._outputs(values)))

    def returns_numbers(self) -> bool:
        """Whether anything that comes out is floating, and has a g."""
        with torch.no_grad(), same_random_numbers(self._seed, self.values):
            return bool(self._outputs([value.clone() for value in self.values]))

    def gradients(self) -> list[torch.Tensor | None]:
        """∂L/∂ each value as autograd computes it; zeros where L does not depend on one, None if not needed."""
        with torch.enable_grad(), same_random_numbers(self._seed, self.values):
            wanted = zip(self.values, self._needs, strict=True)
            leaves = [value.clone().requires_grad_(needed) for value, needed in wanted]
            pairs = [pair for pair in self._outputs([leaf * 1 for leaf in leaves]) if pair[0].requires_grad]
            outputs, grads = [y for y, _ in pairs], [g.to(y) for y, g in pairs]
        # Not through torch.autograd.grad: that is where the debuggee listens for the training's own.
        engine = torch.autograd.Variable._execution_engine
        asked = tuple(leaf for leaf in leaves if leaf.requires_grad)
        found = iter(engine.run_backward(tuple(outputs), tuple(grads), False, False, asked, True, False))
        return [
            None if not leaf.requires_grad else torch.zeros_like(leaf) if (grad := next(found)) is None else grad
            for leaf in leaves
        ]

    def _outputs(self, values: list[torch.Tensor]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Each floating tensor that comes out, with its g."""
        parts = [part.clone() if isinstance(part, torch.Tensor) else part for part in self._parts]
        for at, value in zip(self._slots, values, strict=True):
            parts[at] = value
        args, kwargs = tree_unflatten(parts, self._structure)
        returned = [y for y in tree_flatten(self._function(*args, **kwargs))[0] if _is_floating(y)]
        if self._grads is None:
            generator = torch.Generator().manual_seed(self._seed)
            self._grads = [torch.randn(y.shape, generator=generator, dtype=torch.float64) for y in returned]
        # An op may return more than has a gradient: indices, statistics.
        pairs = zip(returned, self._grads, strict=False)
        return [(y, g.detach().to(y.device).double()) for y, g in pairs if g is not None]


def _is_floating(part: Any) -> bool:
    return isinstance(part, torch.Tensor) and part.is_floating_point()


def _copy(tensor: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    dense = tensor.detach()
    return dense.to(dtype or dense.dtype, copy=True, memory_format=torch.contiguous_format)


@contextlib.contextmanager
def same_random_numbers(seed: int, values: Sequence[torch.Tensor]) -> Iterator[None]:
    """Random numbers from a seed inside, and outside those that would have come anyway; nothing is autocast."""
    devices = sorted({value.device.index or 0 for value in values if value.device.type == "cuda"})
    numpy, ours = sys.modules.get("numpy"), random.getstate()
    theirs = numpy.random.get_state() if numpy else None
    kinds = sorted({value.device.type for value in values})
    try:
        with torch.random.fork_rng(devices), contextlib.ExitStack() as stack:
            for kind in kinds:
                stack.enter_context(torch.autocast(kind, enabled=False))
            torch.manual_seed(seed)
            random.seed(seed)
            if numpy:
                numpy.random.seed(seed % 2**32)
            yield
    finally:
        random.setstate(ours)
        if numpy:
            numpy.random.set_state(theirs)
