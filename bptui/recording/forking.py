"""Where two runs part: a branch that begins in the midst of another one has what that has until there."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterator
from typing import Any, NamedTuple

from bptui.recording.schema import sample_id, step_of
from bptui.records import QUANTITIES

_KEYS = {
    "samples": "id",
    "tensors": "sample",
    "learning_rates": "sample",
    "parameter_samples": "sample",
    "graphs": "sample",
    "explanations": "sample",
    "notes": "sample",
    "hits": "sample",
    "stacks": "next",
    "watched": "next",
}
"""The tables of what belongs to samples, and the column in which each has the sample's key."""

_AFTER = ("stacks", "watched")
"""Those of which the key is the sample before which it was: there is one after the last sample, too."""


Row = tuple[Any, ...]
"""A sample as the table has it, or is given it."""

_MARKS = 1 | 1 << len(QUANTITIES)
"""What `marks` may say of the first quantity."""


class Difference(NamedTuple):
    """Where a sample that was run again is not what was recorded.

    Attributes:
        step: The sample.
        name: Of what: the loss, if that is other, too.
        was: What it was; None for NaN.
        now: What it is.
    """

    step: int
    name: str
    was: float | None
    now: float | None


def difference(now: Row, before: Row, names: Container[str]) -> Difference | None:
    """The first of epoch, index and these quantities that is not the same, bit for bit; None if all are."""
    pairs = list(zip(_bits(now, names), _bits(before, names), strict=True))
    others = {name: (was, value) for (name, value, marks), (_, was, old) in pairs if (value, marks) != (was, old)}
    if not others:
        return None
    name = "loss" if "loss" in others else next(iter(others))
    return Difference(step_of(now[0]), name, *others[name])


def _bits(row: Row, names: Container[str]) -> list[tuple[str, Any, int]]:
    """Names, values and marks, such that equal ones are equal, NaN and both zeros, too."""
    marks, values = row[4], row[5:]
    found = [
        (name, None if value != value else value, marks >> bit & _MARKS)
        for bit, (name, value) in enumerate(zip(QUANTITIES, values, strict=True))
        if name in names
    ]
    return [("epoch", row[1], 0), ("sample", row[2] + 1, 0), *found]


def copy_samples(db: sqlite3.Connection, parent: int, branch: int, steps: int) -> None:
    """Copy the first `steps` samples of a branch into a new one, and where in the next one it stands."""
    moved = sample_id(branch, 0) - sample_id(parent, 0)
    for table, key in _KEYS.items():
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        values = [f"{key} + {moved}" if name == key else "NULL" if name == "id" else name for name in columns]
        span = (sample_id(parent, 0), sample_id(parent, steps + (table in _AFTER)))
        where = f"{key} >= ? AND {key} < ? ORDER BY {key}"
        db.execute(f"INSERT INTO {table} SELECT {', '.join(values)} FROM {table} WHERE {where}", span)
    copied = f"INSERT INTO edits SELECT NULL, {branch}, step, edit FROM edits WHERE branch = ? AND step < ?"
    db.execute(f"{copied} ORDER BY id", (parent, steps))
    db.execute(f"INSERT INTO inside SELECT {branch}, stop, nodes FROM inside WHERE branch = ?", [parent])


def places(db: sqlite3.Connection, branch: int, steps: int) -> Iterator[tuple[int, int, int, int]]:
    """Of each of the first `steps` samples: its step, its epoch, its index, its layout."""
    span = (sample_id(branch, 0), sample_id(branch, steps))
    select = "SELECT epoch, idx, layout FROM samples WHERE id >= ? AND id < ? ORDER BY id"
    for step, (epoch, index, layout) in enumerate(db.execute(select, span)):
        yield step, epoch, index, layout
