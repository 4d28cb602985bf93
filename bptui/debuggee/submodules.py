"""What a module holds, asking nothing of its own methods: people override them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

Submodule = tuple[str, nn.Module]
"""A module and its qualified name in one that holds it, empty for that itself."""


def submodules(module: nn.Module) -> Iterator[Submodule]:
    """The module under "", and all in it under their qualified names; one that is shared, under its first.

    The same as nn.Module.named_modules gives.
    """
    seen: set[int] = set()
    waiting = [("", module)]
    while waiting:
        path, each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield path, each
        parts = vars(each).get("_modules") or {}
        named = [(f"{path}.{name}" if path else name, part) for name, part in parts.items() if part is not None]
        waiting += reversed(named)


class Walks:
    """Modules with all in them, walked through once; keeps them alive, and so should not be kept itself."""

    def __init__(self) -> None:
        self._found: dict[int, list[Submodule]] = {}

    def __call__(self, module: nn.Module) -> list[Submodule]:
        """What `submodules` gives."""
        if id(module) not in self._found:
            self._found[id(module)] = list(submodules(module))
        return self._found[id(module)]


def parameters(modules: Iterable[Submodule]) -> Iterator[tuple[str, torch.Tensor]]:
    """All parameters in some submodules under their qualified names; one that is shared, under its first."""
    return _tensors(modules, "_parameters")


def buffers(modules: Iterable[Submodule]) -> Iterator[tuple[str, torch.Tensor]]:
    """All buffers in them, in the same way."""
    return _tensors(modules, "_buffers")


def _tensors(modules: Iterable[Submodule], kind: str) -> Iterator[tuple[str, torch.Tensor]]:
    seen: set[int] = set()
    for path, part in modules:
        for name, tensor in (vars(part).get(kind) or {}).items():
            if tensor is not None and id(tensor) not in seen:
                seen.add(id(tensor))
                yield f"{path}.{name}" if path else name, tensor
