"""A graph as it was packed; its rows are made as they are asked for, since of 20 000 a screen shows thirty."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, overload

from bptui.records import Node, Place, TensorSummary

STATS = 5
"""So many statistics stand before the values of a tensor."""


class Counts(NamedTuple):
    """A summary but for its floating-point numbers, as many tensors have it.

    Attributes:
        shape: As `TensorSummary` has it, and so are the following.
        length: How many of its values are kept; None if they are not all floats.
    """

    shape: Sequence[int]
    dtype: str
    device: str
    zeros: int
    nans: int
    pos_infs: int
    neg_infs: int
    length: int | None

    @property
    def is_one(self) -> bool:
        """Whether its one element is known."""
        return math.prod(self.shape) == 1 and self.length != 0


class Structure:
    """A graph but for its numbers, which is that of many samples.

    Attributes:
        modules: Of each row, the module in whose call it was made, and the classes of that path.
        inputs: Of each row, the rows that it consumes.
        is_op: Of each row, 1 if it is an op, and no leaf.
    """

    def __init__(
        self,
        names: list[list[str]],
        rows: list[int],
        places: list[list[Any]],
        lines: list[int],
        inputs: list[list[int]],
    ) -> None:
        """Take apart what was packed.

        Args:
            names: Name, kind, autograd node, module and types: each combination once.
            rows: Of each row, which of these it has.
            places: Path and line, or nothing: each place once.
            lines: Of each row, which of these it has.
            inputs: Of each row, the rows that it consumes.
        """
        self._rows, self._lines = rows, lines
        # Tuples of numbers and texts are nothing to Python's garbage collector, 40 000 lists are 50 ms.
        self._names = [tuple(each) for each in names]
        self._places = [Place(*place) if place else None for place in places]
        modules = [(module, types) for _, _, _, module, types in names]
        self.inputs = [tuple(each) for each in inputs]
        self.modules = tuple([modules[row] for row in rows])
        self.is_op = bytes(map([kind == "op" for _, kind, *_ in names].__getitem__, rows))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def names(self) -> list[str]:
        """Of each row, its name."""
        return list(map([name for name, *_ in self._names].__getitem__, self._rows))

    def is_alike(self, other: Structure) -> bool:
        """Whether the rows are in the same modules, and consume the same rows."""
        return self is other or (self.modules == other.modules and self.inputs == other.inputs)

    def node(self, row: int, value: TensorSummary | None, grad: TensorSummary | None) -> Node:
        """A row with its numbers."""
        name, kind, node, module, types = self._names[self._rows[row]]
        place = self._places[self._lines[row]]
        return Node(name, kind, self.inputs[row], value, grad, place, node, module, types)  # type: ignore[arg-type]


class Summaries:
    """The summaries of tensors, of which some may have none."""

    def __init__(
        self,
        kinds: Sequence[Counts | None],
        which: Sequence[int],
        others: Mapping[int, Sequence[float]],
        numbers: memoryview[float],
    ) -> None:
        """Take apart what was packed.

        Args:
            kinds: Each once; None for no tensor.
            which: Of each tensor, which of these it is.
            others: The values of a tensor that are not all floats.
            numbers: Of each tensor its statistics, NaN where there is none, then its other values.

        Raises:
            ValueError: There are more or fewer numbers.
        """
        self._kinds, self._which, self._others, self._numbers = kinds, which, others, numbers
        sizes = [0 if kind is None else STATS + (kind.length or 0) for kind in kinds]
        self._starts = [0, *accumulate(map(sizes.__getitem__, which))]
        if self._starts[-1] != len(numbers):
            raise ValueError(f"{len(numbers)} numbers in place of {self._starts[-1]}")

    def __len__(self) -> int:
        return len(self._which)

    def __getitem__(self, index: int) -> TensorSummary | None:
        kind = self._kinds[self._which[index]]
        if kind is None:
            return None
        shape, dtype, device, *counts, _ = kind
        start, stop = self._starts[index : index + 2]
        numbers = self._numbers[start:stop].tolist()
        stats = [None if stat != stat else stat for stat in numbers[:STATS]]
        values = tuple(self._others.get(index, numbers[STATS:]))
        return TensorSummary(tuple(shape), dtype, device, *stats, *counts, values)  # type: ignore[arg-type, call-arg]

    def counts(self, first: int, stop: int) -> list[tuple[Counts, int]]:
        """What some tensors are but for their numbers, as far as they are there, each with how many are so."""
        found = Counter(self._which[first:stop]).items()
        return [(counts, times) for which, times in found if (counts := self._kinds[which]) is not None]


class Graph(Sequence[Node]):
    """The rows of a graph.

    Attributes:
        structure: All but its numbers; mostly the same object for the graphs of several samples.
    """

    def __init__(self, structure: Structure, summaries: Summaries) -> None:
        self.structure = structure
        self._summaries = summaries
        if 2 * len(structure) != len(summaries):
            raise ValueError(f"{len(summaries)} summaries of {len(structure)} rows")

    def __len__(self) -> int:
        return len(self.structure)

    @overload
    def __getitem__(self, index: int) -> Node: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Node, ...]: ...

    def __getitem__(self, index: int | slice) -> Node | tuple[Node, ...]:
        rows = range(len(self))[index]
        return self._node(rows) if isinstance(rows, int) else tuple(map(self._node, rows))

    def _node(self, row: int) -> Node:
        return self.structure.node(row, self._summaries[row], self._summaries[len(self) + row])

    def values(self, rows: range) -> list[tuple[Counts, int]]:
        """What the values of some rows are but for their numbers, each with how many are so."""
        return self._summaries.counts(rows.start, rows.stop)

    def grads(self, rows: range) -> list[tuple[Counts, int]]:
        """The same of the gradients."""
        return self._summaries.counts(len(self) + rows.start, len(self) + rows.stop)


NO_GRAPH = Graph(Structure([], [], [], [], []), Summaries((), (), {}, memoryview(b"").cast("d")))
"""A graph without rows."""
