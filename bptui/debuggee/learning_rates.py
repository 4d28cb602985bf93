"""The learning rates with which optimizers make their steps, told only where they have changed."""

from __future__ import annotations

import weakref
from itertools import count, zip_longest
from typing import Any

import torch

from bptui.debuggee.norms import without_grad
from bptui.protocol import RatesSeen
from bptui.records import OptimizerRates

_NUMBERS = frozenset((float, int, type(None)))

_Kept = tuple[int, int, torch.Tensor, torch.Tensor]
"""Of a tensor: its id and version, by which it is compared, itself, and a copy of what it was then."""


class LearningRates:
    """Notes the rates of each optimizer that makes a step, and says when a sample's are not those of the last."""

    def __init__(self) -> None:
        self._optimizers: dict[int, torch.optim.Optimizer] = {}
        self._used: dict[int, list[Any]] = {}
        self._last: dict[int, list[Any]] = {}
        self._said: tuple[OptimizerRates, ...] = ()
        self._tensors: weakref.WeakKeyDictionary[torch.optim.Optimizer, list[Any]] = weakref.WeakKeyDictionary()
        self._named: weakref.WeakValueDictionary[str, torch.optim.Optimizer] = weakref.WeakValueDictionary()

    def note(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer begins a step."""
        rates = [group.get("lr") for group in optimizer.param_groups]
        if not _NUMBERS.issuperset(map(type, rates)):
            known = self._tensors.get(optimizer, ())
            rates = [_kept(*pair) for pair in zip_longest(rates, known[: len(rates)])]
            self._tensors[optimizer] = rates
        key = id(optimizer)
        self._optimizers[key], self._used[key] = optimizer, rates

    def changed(self, step: int) -> RatesSeen | None:
        """What is to be said of the sample that is complete now; None if it made no step, or none of another rate.

        Args:
            step: The sample.
        """
        used, optimizers = self._used, self._optimizers
        self._used, self._optimizers = {}, {}
        if not used or used == self._last:
            return None
        self._last = used
        said = tuple(
            OptimizerRates(self._name(optimizers[key]), tuple(map(_number, rates))) for key, rates in used.items()
        )
        if said == self._said or all(rate is None for each in said for rate in each.rates):
            return None
        self._said = said
        return RatesSeen(step, said)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """All that have made a step."""
        return list(self._named.values()) or list(self._optimizers.values())

    @property
    def first(self) -> float | None:
        """That of the first parameter group that made a step in the sample at hand, or else before."""
        used = self._used or self._last
        return next((_number(rate) for rates in used.values() for rate in rates), None)

    def _name(self, optimizer: torch.optim.Optimizer) -> str:
        """Its class; of several that are alive, the second is "Adam#2"."""
        kind = type(optimizer).__name__
        names = (f"{kind}#{number}" if number > 1 else kind for number in count(1))
        return next(name for name in names if self._named.setdefault(name, optimizer) is optimizer)


def _kept(rate: Any, known: _Kept | None) -> Any:
    """A tensor, into which a schedule writes, with a copy: reading it now would have to wait for a GPU."""
    if not isinstance(rate, torch.Tensor):
        return rate
    if type(known) is tuple and known[:2] == (id(rate), rate._version):
        return known
    with torch._C.DisableTorchFunction(), without_grad():
        return id(rate), rate._version, rate, rate.detach().clone()


def _number(rate: Any) -> float | None:
    try:
        return float(rate[3] if type(rate) is tuple else rate)
    except (TypeError, ValueError, RuntimeError):  # none, as Adafactor's may be; a function of an optimizer's own
        return None
