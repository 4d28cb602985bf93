"""Samples → rows of numbers, at a cost of a few µs per sample."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from bptui.debuggee.known import Known
from bptui.debuggee.samples import BadSample
from bptui.debuggee.stats import UNREADABLE, kind_of, summarise
from bptui.protocol import to_json
from bptui.records import QUANTITIES, Kind, Layout, Place, Sample, TensorSummary

Read = Callable[[Any], float]

_quantities = operator.attrgetter(*QUANTITIES)


class LayoutChanged(Exception):
    """A quantity is not of the kind it was in the sample before."""


class Row(NamedTuple):
    """One sample as numbers."""

    layout: int
    numbers: tuple[float, ...]
    tensors: tuple[tuple[str, str], ...]


class RowReader:
    """Reads samples into rows; remembers the kinds of the last one, since the next is nearly always alike.

    Attributes:
        layouts: All layouts seen, by id.
    """

    def __init__(self) -> None:
        self.layouts: list[Layout] = []
        self._ids: dict[Any, int] = {}
        self._layout = -1
        self._reads: tuple[Read | None, ...] = ()
        self._common: tuple[Any, ...] = ()
        self._tensors: list[tuple[str, str]] = []
        self._kinds: list[Kind | None] = []

    def read_known(self, sample: Sample, line: int, path: str) -> Row:
        """The row of a sample most of whose quantities have been read already."""
        try:
            kinds = [None if each is None else each.kind for each in _quantities(sample)]
        except AttributeError:
            self._kinds = []
            return self.read(sample, line, path)
        if kinds != self._kinds or (sample.samples, sample.epochs, line, path) != self._common:
            self._kinds = kinds
            return self.read(sample, line, path)
        numbers = [0.0 if each is None else float(each.value) for each in _quantities(sample)]
        return Row(self._layout, (sample.epoch, sample.index, *numbers), ())

    def read(self, sample: Sample, line: int, path: str) -> Row:
        """The row of a sample that was yielded at `path`:`line`.

        Raises:
            BadSample: A quantity is no tensor, array or number.
        """
        common = (sample.samples, sample.epochs, line, path)
        try:
            if common != self._common:
                raise LayoutChanged
            numbers = []
            for read, value in zip(self._reads, _quantities(sample), strict=True):
                if (value is None) is not (read is None):
                    raise LayoutChanged
                numbers.append(read(value) if read is not None else 0.0)
        except (LayoutChanged, *UNREADABLE):
            numbers = self._learn(sample, common)
        tensors, self._tensors = self._tensors, []
        return Row(self._layout, (sample.epoch, sample.index, *numbers), tuple(tensors))

    def _learn(self, sample: Sample, common: tuple[Any, ...]) -> list[float]:
        """Read a sample of another layout than the one before."""
        self._tensors, self._common = [], ()
        kinds, reads, numbers = {}, [], []
        for name, value in zip(QUANTITIES, _quantities(sample), strict=True):
            read: Read | None = None
            try:
                if value is not None:
                    kinds[name] = _kind_of(value)
                    read = self._reader(name, value, kinds[name])
                numbers.append(0.0 if read is None else read(value))
            except UNREADABLE as error:
                why = str(error).split("\n", 1)[0]
                raise BadSample(f"key {name!r} must be a tensor, an array or a number: {why}") from error
            reads.append(read)
        self._layout = self._id(kinds, *common)
        self._reads, self._common = tuple(reads), common
        return numbers

    def _id(self, kinds: dict[str, Kind], samples: int | None, epochs: int | None, line: int, path: str) -> int:
        key = (*kinds.items(), samples, epochs, line, path)
        if key not in self._ids:
            self._ids[key] = len(self.layouts)
            self.layouts.append(Layout(kinds, Place(path, line), samples, epochs))
        return self._ids[key]

    def _reader(self, name: str, value: Any, kind: Kind) -> Read:
        if isinstance(value, Known):
            return _known_reader(kind)
        if isinstance(value, float | np.floating):
            return _number_reader(type(value))
        if isinstance(value, torch.Tensor) and kind.is_one and _has_item(value):
            return _one_element_reader(value)
        return self._summary_reader(name, kind)

    def _summary_reader(self, name: str, kind: Kind) -> Read:
        """Reads anything: one element as itself, several as their norm with the summary beside it."""

        def read(value: Any) -> float:
            if value is None or kind_of(value) != kind:
                raise LayoutChanged
            summary = summarise(value)
            number, item = _number(summary), summary.item
            is_exact = item is not None and (item != item or number == item)
            if not is_exact:  # several elements, or an int64 for which a double has no place
                self._tensors.append((name, to_json(summary)))
            return number

        return read


def _known_reader(kind: Kind) -> Read:
    """Reads what has been read already."""

    def read(value: Any) -> float:
        if type(value) is not Known or value.kind != kind:
            raise LayoutChanged
        return float(value.value)

    return read


def _kind_of(value: Any) -> Kind:
    return value.kind if isinstance(value, Known) else kind_of(value)


def _number(summary: TensorSummary) -> float:
    """The element, or the norm of several; NaN where one of them is not finite, or where there is no number."""
    if summary.item is not None:
        return float(summary.item)
    if summary.numel == 0:
        return 0.0
    return float("nan") if summary.nonfinite or summary.norm is None else summary.norm


def _has_item(tensor: torch.Tensor) -> bool:
    """Whether `item()` is the element as a float, at the cost of a read."""
    return tensor.dtype.is_floating_point and tensor.layout == torch.strided and not tensor.is_meta


def _number_reader(kind: type[Any]) -> Read:
    def read(value: Any) -> float:
        if type(value) is not kind:
            raise LayoutChanged
        return float(value)

    return read


def _one_element_reader(example: torch.Tensor) -> Read:
    kind, shape, dtype, device = type(example), example.shape, example.dtype, example.device

    def read(value: Any) -> float:
        # Comparing shape, dtype and device costs 0.4 µs and keeps a changed tensor from passing as the old one.
        if type(value) is not kind or value.dtype is not dtype or value.shape != shape or value.device != device:
            raise LayoutChanged
        return value.item()

    return read
