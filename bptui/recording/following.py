"""What was recorded, item by item in the order of the steps: for those who follow a run from its beginning."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from bptui.recording.buckets import Select
from bptui.recording.schema import NAN, sample_id, step_of
from bptui.records import LOSSES, QUANTITIES, Hit

Numbers = tuple[float | None, ...]
"""Quantities of a sample: NaN where they are, None where there is none."""

Note = tuple[int, int, str, tuple[str, ...]]
"""Its number, the step, what it is about, and which parameters."""


def numbers_from(
    select: Select, branch: int, names: Sequence[str], start: int, stop: int, count: int
) -> list[tuple[int, Numbers]]:
    """The next samples from `start` up to before `stop`, at most `count`: step, and these quantities of it."""
    what = ", ".join(f"{name}, marks & {_nan(name)}" for name in names)
    rows = select(
        f"SELECT id, {what} FROM samples WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (*_span(branch, start, stop), count),
    )
    return [(step_of(key), _numbers(values)) for key, *values in rows]


def graphs_from(select: Select, branch: int, start: int, stop: int, count: int) -> list[int]:
    """The next steps that have a graph."""
    where = "sample >= ? AND sample < ? ORDER BY sample LIMIT ?"
    rows = select(f"SELECT sample FROM graphs WHERE {where}", (*_span(branch, start, stop), count))
    return [step_of(key) for (key,) in rows]


def measured_from(select: Select, branch: int, start: int, stop: int, count: int) -> list[tuple[int, int, bytes]]:
    """The next samples at which parameters were measured: step, their set, and their numbers."""
    where = "sample >= ? AND sample < ? ORDER BY sample LIMIT ?"
    rows = select(f"SELECT * FROM parameter_samples WHERE {where}", (*_span(branch, start, stop), count))
    return [(step_of(key), of, blob) for key, of, blob in rows]


def notes_from(select: Select, branch: int, after: int, stop: int, count: int) -> list[Note]:
    """The next notes after number `after`, of samples before `stop`."""
    where = "id > ? AND sample >= ? AND sample < ? ORDER BY id LIMIT ?"
    span = _span(branch, 0, stop)
    rows = select(f"SELECT id, sample, about, subjects FROM notes WHERE {where}", (after, *span, count))
    return [(number, step_of(key), about, tuple(json.loads(names))) for number, key, about, names in rows]


def hits_from(select: Select, branch: int, start: int, stop: int, count: int) -> list[Hit]:
    """The next hits of breakpoints, of samples from `start` up to before `stop`."""
    where = "sample >= ? AND sample < ? ORDER BY sample, number LIMIT ?"
    what = "sample, breakpoint, text, place"
    found = select(f"SELECT {what} FROM hits WHERE {where}", (*_span(branch, start, stop), count))
    return [Hit(step_of(key), *rest) for key, *rest in found]


def has_several_losses(select: Select, branch: int, step: int) -> bool:
    """Whether a sample has several backward passes."""
    key = sample_id(branch, step)
    return bool(list(select("SELECT 1 FROM tensors WHERE sample = ? AND quantity = ?", (key, LOSSES))))


def _span(branch: int, start: int, stop: int) -> tuple[int, int]:
    return sample_id(branch, start), sample_id(branch, stop)


def _nan(name: str) -> int:
    return NAN << QUANTITIES.index(name)


def _numbers(values: Sequence[float | None]) -> Numbers:
    return tuple(math.nan if bad else value for value, bad in zip(values[::2], values[1::2], strict=True))
