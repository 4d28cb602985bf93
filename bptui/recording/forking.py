"""Where two runs part: a branch that begins in the midst of another one has what that has until there."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterator
from typing import Any

from bptui.recording.schema import sample_id
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


def bits(row: Row, names: Container[str]) -> Row:
    """Epoch, index, and these quantities of a sample, such that equal ones are equal, NaN and both zeros, too."""
    marks, values = row[4], row[5:]
    found = [
        (None if value != value else value, marks >> bit & _MARKS)
        for bit, (name, value) in enumerate(zip(QUANTITIES, values, strict=True))
        if name in names
    ]
    return (row[1], row[2], *found)


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
