"""What a module holds, asking nothing of its own methods: people override them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn


def submodules(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
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


def parameters(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """All parameters in it under their qualified names; one that is shared, under its first."""
    return _tensors(module, "_parameters")


def buffers(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """All buffers in it, in the same way."""
    return _tensors(module, "_buffers")


def _tensors(module: nn.Module, kind: str) -> Iterator[tuple[str, torch.Tensor]]:
    seen: set[int] = set()
    for path, part in submodules(module):
        for name, tensor in (vars(part).get(kind) or {}).items():
            if tensor is not None and id(tensor) not in seen:
                seen.add(id(tensor))
                yield f"{path}.{name}" if path else name, tensor
