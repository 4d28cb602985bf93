"""Skips an update, or a sample: what it has changed of the parameters and the optimizers is put back."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bptui.debuggee import static

if TYPE_CHECKING:  # at run time torch may not be there yet
    import torch

_PARTS = 64
"""So many parts of a variable are looked at: `self.model`, `models["a"]`."""


class Skipping:
    """Keeps what it is before a sample, and puts it back after it.

    Put back are the values of parameters and what optimizers keep for them; of a sample the gradients and the
    buffers of modules, too. Learning rates, random numbers and the user's own variables go on.
    """

    def __init__(
        self, leaves: Callable[[], Iterable[Any]], scopes: Callable[[], Sequence[dict[str, Any]]]
    ) -> None:
        """Keep nothing yet.

        Args:
            leaves: The parameters that were measured.
            scopes: The variables of the user's frames where the training stands.
        """
        self._leaves, self._scopes = leaves, scopes
        self._restore: list[Callable[[], object]] = []
        self._kind = ""

    def keep(self, kind: str, optimizers: Iterable[Any]) -> None:
        """Keep what it is now.

        Args:
            kind: "update" or "sample".
            optimizers: Those that have made a step.
        """
        from bptui.debuggee.unobserved import unobserved

        self._kind, self._restore = kind, []
        with unobserved():
            for tensor in self._tensors(kind == "sample"):
                self._restore.append(_keeping(tensor))
                if kind == "sample" and tensor.is_leaf:
                    self._restore.append(_keeping_grad(tensor))
            known = {id(each): each for each in (*optimizers, *self._values(sys.modules["torch"].optim.Optimizer))}
            self._restore += map(_keeping_state, known.values())

    def put_back(self) -> tuple[str, bool]:
        """Put it back, if something was kept.

        Returns:
            What was skipped, empty if nothing was asked for; and whether there was something to put back.
        """
        from bptui.debuggee.unobserved import unobserved

        (kind, restore), self._kind, self._restore = (self._kind, self._restore), "", []
        if restore:
            with unobserved(), sys.modules["torch"].no_grad():
                for each in restore:
                    each()
        return kind, bool(restore)

    def _tensors(self, has_buffers: bool) -> list[torch.Tensor]:
        torch = sys.modules["torch"]
        modules = list(self._values(torch.nn.Module))
        found = [*self._leaves(), *(each for module in modules for each in module.parameters())]
        found += [each for each in self._values(torch.Tensor) if each.is_leaf and each.requires_grad]
        if has_buffers:
            found += [each for module in modules for each in module.buffers()]
        return list({id(each): each for each in found}.values())

    def _values(self, kind: type) -> Iterator[Any]:
        """What the user's variables hold of a kind, or parts of them."""
        for scope in self._scopes():
            for value in scope.values():
                for each in (value, *(part for _, part in static.parts(value, _PARTS))):
                    if issubclass(type(each), kind):
                        yield each


def _keeping(tensor: torch.Tensor) -> Callable[[], object]:
    kept = tensor.detach().clone()
    return lambda: tensor.copy_(kept)


def _keeping_grad(leaf: torch.Tensor) -> Callable[[], object]:
    kept = None if leaf.grad is None else leaf.grad.detach().clone()

    def restore() -> None:
        if kept is not None and leaf.grad is not None:
            leaf.grad.copy_(kept)
        else:
            leaf.grad = kept

    return restore


def _keeping_state(optimizer: Any) -> Callable[[], object]:
    kept = {param: copy.deepcopy(state) for param, state in optimizer.state.items()}

    def restore() -> None:
        optimizer.state.clear()
        optimizer.state.update(kept)

    return restore
