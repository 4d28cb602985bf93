"""Writes a recording: one writer, batches in transactions, readers at any time."""

from __future__ import annotations

import base64
import contextlib
import math
import sqlite3
import tempfile
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bptui.errors import RecordingError
from bptui.protocol import (
    Checked,
    Edited,
    Explained,
    GraphTraced,
    HitSeen,
    InsideSeen,
    LossesSeen,
    Noticed,
    ParameterSamples,
    ParametersSeen,
    RatesSeen,
    Samples,
    StackSeen,
    Watched,
    to_json,
)
from bptui.recording.buckets import BucketWriter
from bptui.recording.epochs import Ended, EpochFinder
from bptui.recording.forking import Difference, Row, copy_samples, difference, places
from bptui.recording.parameters import ParameterWriter
from bptui.recording.schema import NAN, NEGATIVE_ZERO, REWRITTEN, SCHEMA, as_text, sample_id, step_of
from bptui.records import LOSSES, QUANTITIES, Hit, Layout, RunState

_PRINT = "INSERT OR REPLACE INTO output VALUES (?, ?, ?, ?, ?)"
_INSERT_TENSOR = "INSERT INTO tensors VALUES (?, ?, ?)"
_INSERT_SAMPLE = f"INSERT INTO samples VALUES ({', '.join('?' * (5 + len(QUANTITIES)))})"


class Writer:
    """The one writer of a recording.

    What is written becomes visible to readers, and safe from a kill, with `commit`. Every method may raise
    sqlite3.Error when the disk is full; then nothing since the last commit is kept and writing is over.

    Attributes:
        path: The recording.
        branch: The branch being written, -1 before the first.
        steps: How many samples it has.
    """

    def __init__(self, path: Path) -> None:
        """Create the recording.

        Raises:
            RecordingError: There is a file already, or it can not be made.
        """
        self.path, self.branch, self.steps = path, -1, 0
        self._branches = 0
        self._layouts: dict[str, int] = {}
        self._kinds: list[Layout] = []
        self._announced: dict[int, tuple[int, Layout]] = {}
        self._db = _create(path)
        self._buckets = BucketWriter(self._db)
        self._parameters = ParameterWriter(self._db)
        self._epochs = EpochFinder()
        self._lines = self._hits = 0
        self._line_of_row: dict[int, int] = {}
        self.describe({"began": repr(time.time())})
        self.commit()

    def describe(self, facts: Mapping[str, str]) -> None:
        """Write facts of the run, by key."""
        rows = ((key, as_text(value)) for key, value in facts.items())
        self._many("INSERT OR REPLACE INTO run VALUES (?, ?)", rows)

    def source(self, path: str, text: str) -> None:
        """Write the text of a source file."""
        self._many("INSERT OR REPLACE INTO sources VALUES (?, ?)", [(as_text(path), as_text(text))])

    def begin_branch(self, reason: str) -> None:
        """Begin the next branch before the first sample; what follows belongs to it."""
        self._begin_branch(reason)
        self._announced, self._line_of_row = {}, {}
        self._parameters.forget()

    def fork_branch(self, reason: str, steps: int) -> None:
        """Begin the next branch after so many samples of the one at hand, which it has, too."""
        parent = self.branch
        self._begin_branch(reason)
        copy_samples(self._db, parent, self.branch, steps)
        self._many("INSERT INTO forks VALUES (?, ?)", [(self.branch, steps)])
        self._find_epochs(steps)
        self.steps = steps

    def go_to_branch(self, branch: int) -> None:
        """What follows belongs to a branch that was there before."""
        self.commit()
        self.branch = branch
        select = "SELECT max(id) FROM samples WHERE id >= ? AND id < ?"
        ((last,),) = self._db.execute(select, (sample_id(branch, 0), sample_id(branch + 1, 0)))
        self.steps = 0 if last is None else step_of(last) + 1
        self._buckets.begin_branch(self.steps)
        self._parameters.begin_branch(self.steps)
        self._find_epochs(self.steps)

    def _begin_branch(self, reason: str) -> None:
        self.commit()  # with the buckets of the branch that ends here
        parent = self.branch if self.branch >= 0 else None
        self.branch, self.steps = self._branches, 0
        self._branches += 1
        self._epochs = EpochFinder()
        self._buckets.begin_branch()
        self._parameters.begin_branch()
        row = (self.branch, parent, reason, time.time(), "starting", "", None)
        self._many("INSERT INTO branches VALUES (?, ?, ?, ?, ?, ?, ?)", [row])

    def _find_epochs(self, steps: int) -> None:
        """Follow the first samples of a branch, whose epochs are not all written."""
        self._epochs = EpochFinder()
        declared = {number: layout.samples for number, layout in self._announced.values()}
        found = [
            ended
            for step, epoch, index, layout in places(self._db, self.branch, steps)
            for ended in self._epochs.follow(step, [epoch], [index], declared.get(layout))
        ]
        self._many("INSERT OR IGNORE INTO epochs VALUES (?, ?, ?, ?, ?)", [(self.branch, *each) for each in found])

    def state(self, state: RunState, detail: str = "", exit_code: int | None = None) -> None:
        """Write what the branch is doing, or how it ended; "finished" without a detail is a loop that ran out."""
        if state == "finished" and not detail:
            self._add_epochs(self._epochs.finish(self.steps))
        row = (state, as_text(detail), exit_code, self.branch)
        self._many("UPDATE branches SET state = ?, detail = ?, exit_code = ? WHERE id = ?", [row])

    def layout(self, announced: int, layout: Layout) -> None:
        """Remember the layout that the debuggee will call `announced`."""
        text = to_json(layout)
        if text not in self._layouts:
            self._kinds.append(layout)
            self._layouts[text] = len(self._layouts)
            self._many("INSERT INTO layouts VALUES (?, ?)", [(self._layouts[text], text)])
        self._announced[announced] = (self._layouts[text], layout)

    def samples(self, batch: Samples) -> Difference | None:
        """Write a batch of samples; those that are written already have to be the same.

        Returns:
            The first that is not, before which the writing has ended; None if all are.
        """
        layout_id, layout = self._announced[batch.layout]
        numbers = array("d", base64.b64decode(batch.rows))
        width = 2 + len(QUANTITIES)
        count = len(numbers) // width
        ids = range(first := sample_id(self.branch, batch.first), first + count)
        epochs, indexes = list(map(int, numbers[0::width])), list(map(int, numbers[1::width]))
        values: list[list[Any]] = [
            numbers[column::width].tolist() if name in layout.kinds else [None] * count
            for column, name in enumerate(QUANTITIES, 2)
        ]
        rows = list(zip(ids, epochs, indexes, [layout_id] * count, _marks(values, count), *values, strict=True))
        known = max(0, min(count, self.steps - batch.first))
        if known and (differs := self._first_other(rows[:known])) is not None:
            return differs
        self._many(_INSERT_SAMPLE, rows[known:])
        tensors = [
            (sample_id(self.branch, step), name, summary)
            for step, name, summary in batch.tensors
            if step >= self.steps
        ]
        self._many(_INSERT_TENSOR, tensors)
        new = batch.first + known
        self._add_epochs(self._epochs.follow(new, epochs[known:], indexes[known:], layout.samples))
        self.steps = max(self.steps, batch.first + count)
        return None

    def _first_other(self, rows: Sequence[Row]) -> Difference | None:
        """The first of these samples that is recorded otherwise; those that say more are written."""
        select = "SELECT * FROM samples WHERE id >= ? AND id <= ? ORDER BY id"
        recorded = self._db.execute(select, (rows[0][0], rows[-1][0])).fetchall()
        richer = []
        for now, before in zip(rows, recorded, strict=True):
            if now == before:
                continue
            names, known = (set(self._kinds[row[3]].kinds) for row in (now, before))
            if differs := difference(now, before, names & known):
                return differs
            if names > known:
                richer.append(now)
        self._many(_INSERT_SAMPLE.replace("INSERT", "INSERT OR REPLACE", 1), richer)
        return None

    def loss(self, step: int) -> float | None:
        """The recorded loss of a step, None for NaN or if there is none."""
        found = self._db.execute(
            "SELECT loss FROM samples WHERE id = ?", [sample_id(self.branch, step)]
        ).fetchone()
        return None if found is None else found[0]

    def losses(self, seen: LossesSeen) -> None:
        """Write the losses of all backward passes of a sample, as one of its quantities."""
        row = (sample_id(self.branch, seen.step), LOSSES, to_json(seen.losses))
        self._many("INSERT OR REPLACE INTO tensors VALUES (?, ?, ?)", [row])

    def rates(self, seen: RatesSeen) -> None:
        """Write the learning rates of a sample and of those after it."""
        row = (sample_id(self.branch, seen.step), to_json(seen.optimizers))
        self._many("INSERT OR REPLACE INTO learning_rates VALUES (?, ?)", [row])

    def noticed(self, seen: Noticed) -> None:
        """Write what the debuggee has noticed, unless that was before what is written."""
        if seen.step < self.steps:
            return
        row = (None, sample_id(self.branch, seen.step), seen.about, as_text(to_json(seen.subjects)))
        self._many("INSERT INTO notes VALUES (?, ?, ?, ?)", [row])

    def parameters(self, seen: ParametersSeen) -> None:
        """Remember the set that the debuggee has announced."""
        self._begin()
        self._parameters.set(seen.id, seen.parameters)

    def parameter_samples(self, batch: ParameterSamples) -> None:
        """Write statistics of parameters, before their samples."""
        self._begin()
        self._parameters.samples(self.branch, batch)

    def graph(self, graph: GraphTraced) -> None:
        """Write the computation graph of a sample."""
        row = (sample_id(self.branch, graph.step), base64.b64decode(graph.nodes))
        self._many("INSERT OR REPLACE INTO graphs VALUES (?, ?)", [row])
        self._many("DELETE FROM explanations WHERE sample = ?", [row[:1]])  # of the graph as it grew

    def explanations(self, explained: Explained) -> None:
        """Write what the nodes of a sample's graph do."""
        row = (sample_id(self.branch, explained.step), base64.b64decode(explained.explanations))
        self._many("INSERT OR REPLACE INTO explanations VALUES (?, ?)", [row])

    def check(self, checked: Checked) -> None:
        """Write what came of a check of the training."""
        key, told = sample_id(self.branch, checked.step), checked.check
        statement = "INSERT OR REPLACE INTO checks (sample, name, result) VALUES (?, ?, ?)"
        self._many(statement, [(key, told.name, as_text(to_json(told)))])

    def inside(self, seen: InsideSeen | None) -> None:
        """Write where inside a sample it has stopped, over the stop before; None for a stop elsewhere."""
        if seen is None:
            self._many("DELETE FROM inside WHERE branch = ?", [(self.branch,)])
        else:
            row = (self.branch, as_text(to_json(seen.stop)), base64.b64decode(seen.nodes))
            self._many("INSERT OR REPLACE INTO inside VALUES (?, ?, ?)", [row])

    def stack(self, seen: StackSeen) -> None:
        """Write the frames of a stop; those of an exception take the place of the stop's before it."""
        row = (sample_id(self.branch, seen.steps), as_text(to_json(seen.stack)))
        self._many("INSERT OR REPLACE INTO stacks VALUES (?, ?)", [row])

    def hit(self, seen: HitSeen) -> None:
        """Write a hit of a breakpoint, unless that is written already and is met again."""
        if self._is_written(seen.hit):
            return
        hit, self._hits = seen.hit, self._hits + 1
        row = (sample_id(self.branch, hit.step), self._hits, hit.breakpoint, as_text(hit.text), as_text(hit.place))
        self._many("INSERT INTO hits VALUES (?, ?, ?, ?, ?)", [row])

    def edit(self, edited: Edited) -> None:
        """Write what was set by hand."""
        row = (None, self.branch, edited.edit.step, as_text(to_json(edited.edit)))
        self._many("INSERT INTO edits VALUES (?, ?, ?, ?)", [row])

    def _is_written(self, hit: Hit) -> bool:
        if hit.step >= self.steps:
            return False
        same = "SELECT 1 FROM hits WHERE sample = ? AND text = ? AND place = ?"
        row = (sample_id(self.branch, hit.step), as_text(hit.text), as_text(hit.place))
        return self._db.execute(same, row).fetchone() is not None

    def watched(self, seen: Watched) -> None:
        """Write what watched expressions are."""
        after = sample_id(self.branch, seen.steps)
        rows = [(as_text(each), after, as_text(to_json(value))) for each, value in seen.values.items()]
        self._many("INSERT OR REPLACE INTO watched VALUES (?, ?, ?)", rows)

    def output(self, lines: Iterable[tuple[int, int, str]]) -> None:
        """Write printed lines: (step, 1 for stdout or 2 for stderr, text without newline)."""
        rows = [(None, self.branch, step, stream, as_text(text)) for step, stream, text in lines]
        self._lines += len(rows)
        self._many(_PRINT, rows)

    def rows(self, rows: Iterable[tuple[int, int, int, str]]) -> None:
        """Write rows of a terminal: (number, step, 1 for stdout or 2 for stderr, text).

        A row that comes again was rewritten: it takes the place of what it was.
        """
        printed = [
            (self._line_of(row), self.branch, step, stream, as_text(text)) for row, step, stream, text in rows
        ]
        self._many(_PRINT, printed)
        for row in sorted(self._line_of_row)[:-REWRITTEN]:
            del self._line_of_row[row]

    def _line_of(self, row: int) -> int:
        if row not in self._line_of_row:
            self._lines += 1
            self._line_of_row[row] = self._lines
        return self._line_of_row[row]

    def commit(self) -> None:
        """Make everything written so far visible and safe."""
        if self._db.in_transaction:
            self._buckets.write(self.branch, self.steps)
            self._parameters.write_buckets(self.branch, self.steps)
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Commit, and leave one file that needs no other beside it."""
        self.commit()
        with contextlib.suppress(sqlite3.OperationalError):
            # A reader may hold it. Then an empty -wal file stays beside it, and everything is in the one file.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.execute("PRAGMA journal_mode = DELETE")
        self.abandon()

    def abandon(self) -> None:
        """Close without another write."""
        self._db.close()

    def _add_epochs(self, ended: Iterable[Ended]) -> None:
        self._many("INSERT INTO epochs VALUES (?, ?, ?, ?, ?)", [(self.branch, *epoch) for epoch in ended])

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN")

    def _many(self, statement: str, rows: Iterable[Any]) -> None:
        self._begin()
        self._db.executemany(statement, rows)


def check_recordable(path: Path) -> None:
    """Make sure, before anything is started, that a recording can be made there; make its directory.

    Raises:
        RecordingError: There is a file already, or its directory can not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise RecordingError(f"{path} exists already; a recording never overwrites a file")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _impossible(path, error) from error


def _create(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _impossible(path, error) from error
    try:
        path.touch(mode=0o600, exist_ok=False)
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        # NORMAL: a commit survives every kill of a process; only a power cut may take the last ones.
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(SCHEMA)
    except FileExistsError as error:
        raise RecordingError(f"{path} exists already; a recording never overwrites a file") from error
    except OSError as error:
        raise _impossible(path, error) from error
    except sqlite3.Error as error:
        path.unlink()
        raise _impossible(path, error) from error
    return db


def _impossible(path: Path, error: Exception) -> RecordingError:
    why = getattr(error, "strerror", None) or error
    return RecordingError(f"can not record to {path}: {why}; choose another place with --record")


def _marks(values: list[list[Any]], count: int) -> list[int]:
    """Per sample, what a REAL column of SQLite does not keep."""
    marks = [0] * count
    for bit, column in enumerate(values):
        # A sum is NaN if a part is (or if infinities cancel), so most columns need no look at each value.
        if column and column[0] is not None and (math.isnan(sum(column)) or 0.0 in column):
            for i, value in enumerate(column):
                marks[i] |= _mark(value) << bit
    return marks


def _mark(value: float) -> int:
    if value != value:
        return NAN
    return NEGATIVE_ZERO if value == 0 and math.copysign(1, value) < 0 else 0
