"""What an autograd node kept from the forward pass, and what came in from above."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from bptui.explain.text import number, shape

_UNSIGNED = 1 << 63


class Unknown(Exception):
    """A number that a rule needs and that nobody has; its text says why."""


class Saved:
    """The numbers of one node that one of its inputs' rules is computed from, in float64 where the device has it.

    Attributes:
        shape: The shape of the input whose gradient is asked for.
        out_shape: The shape of the op's output.
        at: Which of the node's inputs it is, among those of a list: "tensors[2]" is 2.
        sizes: The shapes of all inputs, None where that is not known.
    """

    def __init__(
        self, node: Any, grads: Sequence[torch.Tensor | None], sizes: Sequence[tuple[int, ...] | None], at: int
    ) -> None:
        self._node = node
        self._grads = grads
        self.sizes = sizes
        self.at = at
        self.out_shape = out_shape(node) or ()

    @property
    def is_needed(self) -> bool:
        """Whether the input needs a gradient, or is given one all the same, as a constant in a cat."""
        return self._node.next_functions[self.at][0] is not None or self.sizes[self.at] is not None

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.sizes[self.at]
        if shape is None:
            raise Unknown("the input's shape is not known")
        return shape

    @property
    def g(self) -> torch.Tensor:
        """The gradient of the op's output, ∂L/∂y."""
        return self.grads[0]

    @property
    def grads(self) -> list[torch.Tensor]:
        """The gradients of all outputs of the op; zeros where none came in."""
        if all(grad is None for grad in self._grads):
            raise Unknown("no gradient came in")
        shapes = [tuple(each.shape) for each in self._node._input_metadata]
        some = next(grad for grad in self._grads if grad is not None)
        return [
            wide(some.new_zeros(shape) if grad is None else grad)
            for grad, shape in zip(self._grads, shapes, strict=True)
        ]

    def with_unit_grad(self) -> Saved:
        """The same with g = 1."""
        ones = [None if grad is None else torch.ones_like(grad) for grad in self._grads]
        return Saved(self._node, ones, self.sizes, self.at)

    def __getitem__(self, name: str) -> Any:
        """What the node kept under a name; it has to be there.

        Raises:
            Unknown: The node did not keep it, or keeps it no more.
        """
        value = self.get(name)
        if value is None:
            raise Unknown(f"torch did not keep “{name}”: nothing that is differentiated here needs it")
        return value

    def tensor(self, name: str) -> torch.Tensor:
        """The same, of a tensor."""
        found = self[name]
        assert isinstance(found, torch.Tensor), name
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """What the node kept under a name, a default where there is none.

        Raises:
            Unknown: The node keeps it no more, or it would have to be computed again.
        """
        raw = getattr(self._node, f"_raw_saved_{name}", None)
        # Activation checkpointing would compute the forward pass again, and lets each tensor be read only once.
        if getattr(raw, "unpack_hook", None) is not None:
            raise Unknown(f"“{name}” is behind a saved-tensor hook, as activation checkpointing has them")
        try:
            value = getattr(self._node, f"_saved_{name}", None)
        except RuntimeError as error:
            raise Unknown(_why(name, error)) from error
        return default if value is None else _plain(value)


def saved_lines(node: Any) -> tuple[str, ...]:
    """What a node keeps, each under its name in one line; empty if its saved tensors are gone."""
    lines = []
    for name in sorted(each.removeprefix("_saved_") for each in dir(node) if each.startswith("_saved_")):
        try:
            value = Saved(node, (), (None,), 0).get(name)
        except Unknown:
            continue
        if value is not None:
            lines.append(f"{name} = {_in_a_line(value)}")
    return tuple(lines)


def _in_a_line(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return number(value) if type(value) in (int, float) else str(value)
    if value.numel() == 1:
        return number(float(value))
    norm = f", norm {number(float(torch.linalg.vector_norm(value)))}" if value.is_floating_point() else ""
    return f"{shape(value.shape)}{norm}"


def out_shape(node: Any) -> tuple[int, ...] | None:
    """The shape of a node's first output; None of a nested tensor."""
    return plain_shape(node._input_metadata[0].shape)


def plain_shape(sizes: Iterable[Any]) -> tuple[int, ...] | None:
    """A shape in numbers, None where a size is a symbol, as of a nested tensor's ragged dimension."""
    shape = tuple(sizes)
    return shape if all(type(size) is int for size in shape) else None


def wide(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers without history, dense, and in float64 if they are floating and the device has that.

    Raises:
        Unknown: They are complex, or have no numbers to look at.
    """
    tensor = tensor.detach()
    if tensor.is_complex():
        raise Unknown("complex numbers: the formulas here are for real ones")
    if tensor.is_nested or tensor.is_meta:
        raise Unknown("a tensor without numbers to look at")
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_floating_point():
        tensor = tensor.to(torch.float32 if tensor.device.type == "mps" else torch.float64)
    return tensor


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return wide(value)
    if isinstance(value, tuple | list):
        return tuple(map(_plain, value))
    if isinstance(value, int) and not isinstance(value, bool) and value >= _UNSIGNED:
        return value - 2 * _UNSIGNED  # a dim of -1, given out as if it had no sign
    return value


def _why(name: str, error: RuntimeError) -> str:
    text = str(error)
    if "second time" in text:
        return f"“{name}” is freed: the backward pass has gone through this node"
    if "inplace" in text:
        return f"“{name}” was changed in place after the op had used it"
    return f"“{name}” can not be read: {text.splitlines()[0]}"
