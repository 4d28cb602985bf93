"""The tables of a recording, and how its numbers are laid out in them."""

from __future__ import annotations

from bptui.records import QUANTITIES

SCHEMA_VERSION = 14
"""Kept in SQLite's user_version; a later version is refused."""

OLDEST_VERSION = 6
"""The oldest version that can be read: tables that it lacks are empty."""

_EXPLANATIONS = "explanations (sample INTEGER PRIMARY KEY, explanations BLOB NOT NULL)"
_INSIDE = "inside (branch INTEGER PRIMARY KEY, stop TEXT NOT NULL, nodes BLOB NOT NULL)"
_NOTES = "notes (id INTEGER PRIMARY KEY, sample INTEGER NOT NULL, about TEXT NOT NULL, subjects TEXT NOT NULL)"

_EDITS = "edits (id INTEGER PRIMARY KEY, branch INTEGER NOT NULL, step INTEGER NOT NULL, edit TEXT NOT NULL)"
_WATCHED = "watched (expression TEXT, next INTEGER, value TEXT NOT NULL, PRIMARY KEY (expression, next))"
_CHECKS = """checks (
    serial INTEGER PRIMARY KEY AUTOINCREMENT, sample INTEGER NOT NULL, name TEXT NOT NULL, result TEXT NOT NULL,
    UNIQUE (sample, name)
)"""

_HITS = """hits (
    sample INTEGER, number INTEGER, breakpoint INTEGER NOT NULL, text TEXT NOT NULL, place TEXT NOT NULL,
    PRIMARY KEY (sample, number)
) WITHOUT ROWID"""

_FORKS = "forks (branch INTEGER PRIMARY KEY, steps INTEGER NOT NULL)"

ADDED = {7: _EXPLANATIONS, 8: _INSIDE, 9: _NOTES, 10: _EDITS, 11: _WATCHED, 12: _CHECKS, 13: _HITS, 14: _FORKS}
"""The tables that are younger than the oldest version, each by that with which it came."""

APPLICATION_ID = 0x62707475
"""Kept in SQLite's application_id, "bptu": it tells a recording from any other SQLite file."""

BRANCH_SHIFT = 40
"""A sample's id is branch << 40 | step, so a window of samples is one range of the table's own B-tree."""

FAN = 16
"""How many samples, or buckets, one bucket of the next level of `buckets` sums up."""

SHIFT = FAN.bit_length() - 1
"""A bucket's id is that of its first sample, or bucket, shifted by so many bits."""

LEVELS = 8
"""Levels of buckets: 16⁸ samples, more than a branch has room for in practice."""

REWRITTEN = 64
"""Of `output`, so many of the last lines may still be written anew, as rows of a terminal are by progress bars."""

NAN, NEGATIVE_ZERO = 1, 1 << len(QUANTITIES)
"""The marks of the first quantity; those of the others are shifted by their number."""

_values = ", ".join(f"{name} REAL" for name in QUANTITIES)
_ranges = ", ".join(f"{name}_min REAL, {name}_max REAL" for name in QUANTITIES)

SCHEMA = f"""
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE sources (path TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE branches (
    id INTEGER PRIMARY KEY, parent INTEGER, reason TEXT NOT NULL, began REAL NOT NULL,
    state TEXT NOT NULL, detail TEXT NOT NULL, exit_code INTEGER
);

CREATE TABLE layouts (id INTEGER PRIMARY KEY, layout TEXT NOT NULL UNIQUE);

-- A quantity of several elements stands here as its norm, its summary in `tensors`. SQLite stores NaN as NULL and
-- -0.0 as 0: bit i of `marks` says that quantity i is NaN and not absent, bit 9 + i that it is -0.0.
CREATE TABLE samples (
    id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, idx INTEGER NOT NULL, layout INTEGER NOT NULL,
    marks INTEGER NOT NULL, {_values}
);

CREATE TABLE tensors (
    sample INTEGER, quantity TEXT, summary TEXT NOT NULL, PRIMARY KEY (sample, quantity)
) WITHOUT ROWID;

-- Only epochs that have ended; `ordinal` counts them within their branch.
CREATE TABLE epochs (
    branch INTEGER, ordinal INTEGER, epoch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (branch, ordinal)
) WITHOUT ROWID;
CREATE UNIQUE INDEX epochs_by_last ON epochs (branch, last);
CREATE INDEX epochs_by_number ON epochs (branch, epoch);

-- Level 1 sums up 16 samples, level 2 16 buckets of level 1, …; only whole buckets are stored, so that a plot of
-- a run of any length reads a few hundred rows. Finite values only; bit i of `bad` says that quantity i was NaN or
-- infinite.
CREATE TABLE buckets (
    level INTEGER, id INTEGER, bad INTEGER NOT NULL, {_ranges}, PRIMARY KEY (level, id)
) WITHOUT ROWID;

-- Of the optimizers that made a sample's update, only where they are not those of the update before.
CREATE TABLE learning_rates (sample INTEGER PRIMARY KEY, optimizers TEXT NOT NULL);

CREATE TABLE parameter_sets (id INTEGER PRIMARY KEY, parameters TEXT NOT NULL UNIQUE);

-- `numbers`: native doubles, per parameter of the set the norms of weight, gradient and update, -1 where there is
-- none. Only of the samples that were measured: while running not all are.
CREATE TABLE parameter_samples (sample INTEGER PRIMARY KEY, parameters INTEGER NOT NULL, numbers BLOB NOT NULL);

-- As `buckets`, of the norms of the gradients. `ranges`: native doubles, per parameter of the set the smallest and
-- the largest finite one, NaN where there is none, and 1 if one was not finite.
CREATE TABLE parameter_buckets (
    level INTEGER, id INTEGER, parameters INTEGER, ranges BLOB NOT NULL, PRIMARY KEY (level, id, parameters)
) WITHOUT ROWID;

-- `nodes`: rows as protocol.pack_graph gives them.
CREATE TABLE graphs (sample INTEGER PRIMARY KEY, nodes BLOB NOT NULL);

-- `explanations`: as protocol.pack_explanations gives them; of samples that were known to end at a stop.
CREATE TABLE {_EXPLANATIONS};

-- `next` is the sample before which it stopped, so that there is one before the first sample too.
CREATE TABLE stacks (next INTEGER PRIMARY KEY, stack TEXT NOT NULL);

-- Where inside a sample a branch has stopped last, unless it has stopped elsewhere since: the graph so far.
CREATE TABLE {_INSIDE};

-- What was set by hand, in its order, each after so many samples.
CREATE TABLE {_EDITS};

-- What a watched expression was: `next` is the sample before which it was.
CREATE TABLE {_WATCHED};

-- What the debuggee has noticed of itself, from a sample on until it says otherwise: `subjects` are names in JSON.
CREATE TABLE {_NOTES};

-- What came last of each check of the training, on a sample at which it stood.
CREATE TABLE {_CHECKS};

-- Each hit of a breakpoint, in the order of the samples; `number` counts those of the run.
CREATE TABLE {_HITS};
-- Of a branch that did not begin before the first sample: so many samples of its parent it has, too.
CREATE TABLE {_FORKS};

CREATE TABLE output (
    id INTEGER PRIMARY KEY, branch INTEGER NOT NULL, step INTEGER NOT NULL, stream INTEGER NOT NULL,
    text TEXT NOT NULL
);

PRAGMA user_version = {SCHEMA_VERSION};
PRAGMA application_id = {APPLICATION_ID};
"""


def as_text(text: str) -> str:
    """Text as SQLite takes it: a path may hold bytes that are no UTF-8, which Python keeps as lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()


def sample_id(branch: int, step: int) -> int:
    """The key of a sample in `samples`, `tensors` and `graphs`."""
    return branch << BRANCH_SHIFT | step


def step_of(key: int) -> int:
    """The step of a sample's key."""
    return key & ((1 << BRANCH_SHIFT) - 1)
