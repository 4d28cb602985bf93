"""Which parameters does the training have, and what are they called?"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from types import FrameType
from typing import Any

import torch

from bptui.debuggee.names import Names
from bptui.debuggee.submodules import parameters
from bptui.debuggee.user_loops import frames_around, is_own
from bptui.records import Parameter

_KIND = tuple(map(operator.attrgetter, ("requires_grad", "dtype", "shape", "device")))


class ParameterTable:
    """The parameters of the user's modules that a training reaches, and the leaves that are in no module.

    Attributes:
        tensors: The parameters, in the order of their definition.
        parameters: What they are; the same tuple as long as nothing of it has changed.
        updatable: Those of which an update is to be expected, and can be measured.
    """

    def __init__(self) -> None:
        self.tensors: list[torch.Tensor] = []
        self.parameters: tuple[Parameter, ...] = ()
        self.updatable: list[torch.Tensor] = []
        self._names: list[str] = []
        self._kinds: list[Any] = []
        self._index: dict[int, int] = {}

    def reach(self, leaves: Sequence[torch.Tensor], *frames: FrameType) -> list[int]:
        """Have these leaves in the table.

        Args:
            leaves: Those that a backward pass reaches, the nearest to the loss first.
            frames: The user's, in which and in whose callers they have their names; then, for those that have none
                there, any others, whose callers may be a trainer's.

        Returns:
            Where in the table they are.
        """
        if any(id(leaf) not in self._index for leaf in leaves):
            self._find(leaves, *frames)
        kinds = [[*map(attribute, self.tensors)] for attribute in _KIND]  # 10 000 tuples take twice as long
        if kinds != self._kinds:
            self._kinds = kinds
            self.parameters = tuple(map(_parameter, self._names, self.tensors))
            self.updatable = [each for each in self.tensors if is_updatable(each)]
        return [self._index[id(leaf)] for leaf in leaves]

    def _find(self, leaves: Sequence[torch.Tensor], frame: FrameType, *others: FrameType) -> None:
        names = Names([*_own_frames(frame), *(each for other in others for each in frames_around(other))])
        # What was there before stays as long as it has a name: two networks may be trained by turns.
        before = [tensor for tensor in self.tensors if tensor.requires_grad and names.of(tensor) is not None]
        wanted = {id(tensor): tensor for tensor in [*before, *reversed(leaves)]}
        found = {id(tensor): (name, tensor) for name, tensor in _of_modules(names, wanted)}
        for key, tensor in wanted.items():
            found.setdefault(key, (names.of(tensor) or "", tensor))
        self._names = [name for name, _ in found.values()]
        self.tensors = [tensor for _, tensor in found.values()]
        self._index = {key: index for index, key in enumerate(found)}
        self._kinds = []


def _of_modules(names: Names, wanted: Iterable[int]) -> Iterator[tuple[str, torch.Tensor]]:
    """All parameters of the modules that have some of these; one that is shared, under its first name."""
    missing = set(wanted)
    seen: set[int] = set()
    for prefix, module in names.modules() if missing else ():
        named = {id(each): (f"{prefix}.{name}", each) for name, each in parameters(names.submodules(module))}
        if not missing.isdisjoint(named):
            yield from (part for key, part in named.items() if key not in seen)
            seen.update(named)
            missing.difference_update(named)
            if not missing:
                return


def _own_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """The user's frames from here outward."""
    while frame is not None:
        if is_own(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


def is_updatable(tensor: torch.Tensor) -> bool:
    """Whether an update of it is to be expected, and can be measured."""
    is_number = (tensor.is_floating_point() or tensor.is_complex()) and tensor.dtype.itemsize > 1  # no float8
    return tensor.requires_grad and is_number and tensor.layout == torch.strided and not tensor.is_meta


def _parameter(name: str, tensor: torch.Tensor) -> Parameter:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Parameter(name, tuple(tensor.shape), dtype, str(tensor.device), not tensor.requires_grad)
