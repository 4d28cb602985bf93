"""Statistics of each parameter: one blob a sample, and min and max of ever longer stretches for plots.

Of thousands of parameters a row each would be thousands of rows a sample.
"""

from __future__ import annotations

import base64
import itertools
import math
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bptui.protocol import ABSENT, ParameterSamples, to_json
from bptui.recording.buckets import Column, Select, WholeBuckets, spans
from bptui.recording.schema import SHIFT, sample_id, step_of
from bptui.records import Parameter, ParameterStats

ReadSet = Callable[[int], tuple[Parameter, ...]]

Range = tuple[float, float, bool]
"""Smallest and largest finite gradient norm, NaN where there is none, and whether one was not finite."""

_BYTES = 24
"""Three doubles for each parameter, in a sample as in a bucket."""

_NOTHING: Range = math.nan, math.nan, False


class ParameterWriter:
    """Writes sets of parameters, their statistics, and the buckets that have become whole."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._ids: dict[str, int] = {}
        self._announced: dict[int, int] = {}
        self.begin_branch()

    def begin_branch(self, steps: int = 0) -> None:
        """Start over, with a branch that has buckets of so many samples."""
        self._whole = WholeBuckets(steps)

    def forget(self) -> None:
        """Sets are announced anew from now on."""
        self._announced.clear()

    def set(self, announced: int, parameters: tuple[Parameter, ...]) -> None:
        """Remember the set that the debuggee will call `announced`."""
        text = to_json(parameters)
        if text not in self._ids:
            self._ids[text] = len(self._ids)
            self._db.execute("INSERT INTO parameter_sets VALUES (?, ?)", (self._ids[text], text))
        self._announced[announced] = self._ids[text]

    def samples(self, branch: int, batch: ParameterSamples) -> None:
        """Write the statistics of some samples."""
        blob = base64.b64decode(batch.numbers)
        size = len(blob) // len(batch.steps)
        rows = (
            (sample_id(branch, step), self._announced[batch.set], blob[i * size : (i + 1) * size])
            for i, step in enumerate(batch.steps)
        )
        self._db.executemany("INSERT OR IGNORE INTO parameter_samples VALUES (?, ?, ?)", rows)

    def write_buckets(self, branch: int, steps: int) -> None:
        """Add the whole buckets of a branch that has so many samples."""
        for level, begin, end in self._whole.until(steps):
            span = [sample_id(branch, step) >> (SHIFT * (level - 1)) for step in (begin, end)]
            found = self._db.execute(_select(level - 1), span if level == 1 else [level - 1, *span]).fetchall()
            for (key, of), group in itertools.groupby(found, key=lambda row: (row[0] >> SHIFT, row[1])):
                ranges = [_ranges(level - 1, blob) for _, _, blob in group]
                row = (level, key, of, _packed([_merge(each) for each in zip(*ranges, strict=True)]))
                self._db.execute("INSERT INTO parameter_buckets VALUES (?, ?, ?, ?)", row)


def set_at(select: Select, branch: int, step: int) -> int | None:
    """The id of the set of the nearest sample at or before `step` that has statistics."""
    span = [sample_id(branch, 0), sample_id(branch, max(step, 0))]
    where = "sample >= ? AND sample <= ? ORDER BY sample DESC LIMIT 1"
    for (number,) in select(f"SELECT parameters FROM parameter_samples WHERE {where}", span):
        return int(number)
    return None


def numbers_of(select: Select, branch: int, step: int) -> bytes | None:
    """The numbers of a sample as they are recorded, None if it has none."""
    for (blob,) in select("SELECT numbers FROM parameter_samples WHERE sample = ?", [sample_id(branch, step)]):
        return bytes(blob)
    return None


@dataclass(frozen=True, slots=True)
class Norms:
    """The statistics of each parameter; of one of which nothing is known, None.

    Attributes:
        weight: The column `ParameterStats.weight` of them all: ten thousand objects would take 6 ms.
        grad: The same of the gradient.
        update: And of the update.
    """

    weight: Sequence[float | None] = ()
    grad: Sequence[float | None] = ()
    update: Sequence[float | None] = ()

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, index: int) -> ParameterStats | None:
        stats = ParameterStats(self.weight[index], self.grad[index], self.update[index])
        return None if stats == (None, None, None) else stats

    @property
    def known(self) -> list[bool]:
        """Of each, whether anything is known."""
        return [three != (None, None, None) for three in zip(self.weight, self.grad, self.update, strict=True)]

    def __iter__(self) -> Iterator[ParameterStats | None]:
        return map(self.__getitem__, range(len(self)))


def unpack(blob: bytes) -> Norms:
    """The statistics of each parameter."""
    norms = [None if number == ABSENT else number for number in _doubles(blob)]
    return Norms(norms[0::3], norms[1::3], norms[2::3])


def measured_step(select: Select, branch: int, step: int) -> int | None:
    """The nearest sample at or before `step` that has statistics."""
    span = [sample_id(branch, 0), sample_id(branch, max(step, 0))]
    ((key,),) = select("SELECT max(sample) FROM parameter_samples WHERE sample >= ? AND sample <= ?", span)
    return None if key is None else step_of(key)


def columns(
    select: Select, read_set: ReadSet, branch: int, steps: int, indexes: Sequence[int], count: int
) -> tuple[tuple[Column, ...], ...]:
    """The gradient norms of some parameters over the first `steps` samples, each in at most `count` columns.

    Reads at most 16 · count + 120 rows a set of parameters, as `buckets.columns` does. A parameter is followed
    through all sets in which it has its name.

    Args:
        select: Gives the rows of an SQL query.
        read_set: Gives the parameters of a set.
        branch: The branch.
        steps: How many of its samples.
        indexes: Where the parameters stand in the set of the last of these samples.
        count: How many columns at most.
    """
    count = min(count, steps)
    number = set_at(select, branch, steps - 1)
    if count <= 0 or number is None or not indexes:
        return ((),) * len(indexes)
    places, first = _Places(read_set, number, indexes), min(indexes)
    # Of ten thousand parameters a sample has 240 KB, of which a screen wants 1 %.
    part = f"substr({{0}}, {_BYTES * first + 1}, {_BYTES * (max(indexes) - first + 1)})"
    wanted = f"CASE parameters WHEN {number} THEN {part} ELSE {{0}} END"
    gathered: list[list[list[Range]]] = [[[] for _ in range(count)] for _ in indexes]
    for level, span in spans(branch, steps, steps // count):
        for key, of, blob in select(_select(level, wanted), [level, *span] if level else span):
            column, numbers = step_of(key << (SHIFT * level)) * count // steps, _doubles(blob)
            for columns, place in zip(gathered, places.of(of), strict=True):
                if place is not None:
                    at = 3 * (place - first if of == number else place)
                    columns[column].append(_range(level, *numbers[at : at + 3]))
    return tuple(tuple(map(_column, columns)) for columns in gathered)


class _Places:
    """Where the parameters of one set stand in others."""

    def __init__(self, read_set: ReadSet, number: int, indexes: Sequence[int]) -> None:
        self._read_set = read_set
        self._names = [read_set(number)[index].name for index in indexes]
        self._of: dict[int, list[int | None]] = {number: list(indexes)}

    def of(self, number: int) -> list[int | None]:
        if number not in self._of:
            places = {each.name: place for place, each in enumerate(self._read_set(number))}
            self._of[number] = [places.get(name) if name else None for name in self._names]
        return self._of[number]


def _doubles(blob: bytes) -> memoryview[float]:
    """The numbers of a blob, of which maybe a few are wanted of very many."""
    return memoryview(blob).cast("d")


def _select(level: int, wanted: str = "{0}") -> str:
    """Gives what is wanted of the numbers of each sample or bucket."""
    if level:
        where = f"level = ? AND id >= ? AND id < ? ORDER BY id >> {SHIFT}, parameters"
        return f"SELECT id, parameters, {wanted.format('ranges')} FROM parameter_buckets WHERE {where}"
    where = f"sample >= ? AND sample < ? ORDER BY sample >> {SHIFT}, parameters"
    return f"SELECT sample, parameters, {wanted.format('numbers')} FROM parameter_samples WHERE {where}"


def _ranges(level: int, blob: bytes) -> list[Range]:
    numbers = iter(_doubles(blob))
    return [_range(level, *three) for three in zip(numbers, numbers, numbers, strict=True)]


def _range(level: int, first: float, second: float, third: float) -> Range:
    """The range of a parameter, of its three numbers in a bucket or, at level 0, in a sample."""
    if level:
        return first, second, bool(third)
    if second == ABSENT:
        return _NOTHING
    return (second, second, False) if math.isfinite(second) else (math.nan, math.nan, True)


def _packed(ranges: Iterable[Range]) -> bytes:
    return array("d", itertools.chain.from_iterable(ranges)).tobytes()


def _merge(parts: Iterable[Range]) -> Range:
    lows, highs, bad = zip(_NOTHING, *parts, strict=True)
    known = [low for low in lows if low == low]
    return min(known, default=math.nan), max((high for high in highs if high == high), default=math.nan), any(bad)


def _column(parts: list[Range]) -> Column:
    low, high, bad = _merge(parts)
    return Column(None if low != low else low, None if high != high else high, bad)
