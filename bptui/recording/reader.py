"""Reads a recording in windows and decimations; no query grows with the length of the run."""

from __future__ import annotations

import bisect
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from bptui.errors import RecordingError
from bptui.protocol import Graph, from_json, unpack_explanations, unpack_graph
from bptui.recording import following, parameters
from bptui.recording.buckets import Column, columns, marked
from bptui.recording.opening import open_to_read
from bptui.recording.parameters import Norms
from bptui.recording.rates import Rates, rates_at
from bptui.recording.schema import NAN, NEGATIVE_ZERO, as_text, sample_id, step_of
from bptui.records import (
    QUANTITIES,
    Branch,
    Edit,
    Explanations,
    Hit,
    InsideStop,
    Kind,
    Layout,
    Parameter,
    RecordedSample,
    Stack,
    Target,
    TensorSummary,
    TrainingCheck,
    Value,
)  # fmt: skip

_SAMPLE = f"SELECT id, epoch, idx, layout, marks, {', '.join(QUANTITIES)} FROM samples"


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """An epoch that has ended.

    Attributes:
        ordinal: How many ended before it in the branch.
        epoch: Its number, as the loop counts.
        first: Its first step.
        last: Its last step.
    """

    ordinal: int
    epoch: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class OutputLine:
    """A printed line.

    Attributes:
        branch: The branch during which it came.
        step: The step during which it came, -1 before the first.
        stream: 1 for stdout, 2 for stderr, `LOGGED` for a logpoint.
        text: Without its newline.
    """

    branch: int
    step: int
    stream: int
    text: str

    @property
    def is_error(self) -> bool:
        """Whether it came on stderr."""
        return self.stream == 2


class Reader:
    """A recording, opened to look at; its writer may be at work, finished or dead."""

    def __init__(self, path: Path) -> None:
        """Open the recording.

        Raises:
            RecordingError: It is not there, is no recording, or is of another version.
        """
        self.path = path
        self._db = open_to_read(path)
        self._layout = lru_cache(maxsize=256)(self._read_layout)
        self._graph = lru_cache(maxsize=4)(self._read_graph)
        self._explanations = lru_cache(maxsize=4)(unpack_explanations)
        # That it is the same object tells a panel that there is nothing new.
        self._inside = lru_cache(maxsize=1)(partial(from_json, InsideStop))
        self._inside_graph = lru_cache(maxsize=1)(unpack_graph)
        self._statistics = lru_cache(maxsize=4)(parameters.unpack)
        self._parameters = lru_cache(maxsize=64)(self._read_parameters)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def facts(self) -> dict[str, str]:
        """Everything written about the run as a whole."""
        return dict(self._rows("SELECT key, value FROM run"))

    def target(self) -> Target | None:
        """What was debugged; None while it is loading."""
        text = self.facts().get("target")
        return from_json(Target, text) if text else None

    def source(self, path: str) -> str:
        """The text of a source file as it was, empty if it was not recorded."""
        rows = self._rows("SELECT text FROM sources WHERE path = ?", [as_text(path)])
        return str(rows[0][0]) if rows else ""

    def branches(self) -> tuple[Branch, ...]:
        """All branches, the oldest first."""
        rows = self._rows("SELECT id, parent, reason, began, state, detail, exit_code FROM branches ORDER BY id")
        forked = dict(self._rows("SELECT branch, steps FROM forks"))
        return tuple(replace(Branch(*row), steps=self.steps(row[0]), forked=forked.get(row[0], 0)) for row in rows)

    def steps(self, branch: int) -> int:
        """How many samples a branch has."""
        span = (sample_id(branch, 0), sample_id(branch + 1, 0))
        ((last,),) = self._rows("SELECT max(id) FROM samples WHERE id >= ? AND id < ?", span)
        return 0 if last is None else step_of(last) + 1

    def sample(self, branch: int, step: int) -> RecordedSample | None:
        """One sample, None if there is none."""
        found = self.samples(branch, step, step + 1)
        return found[0] if found else None

    def samples(self, branch: int, start: int, stop: int) -> tuple[RecordedSample, ...]:
        """The samples from `start` up to before `stop`, as far as they are there."""
        span = (sample_id(branch, max(start, 0)), sample_id(branch, max(stop, 0)))
        # The samples first: what is committed between the two queries may be tensors without their sample.
        rows = self._rows(f"{_SAMPLE} WHERE id >= ? AND id < ? ORDER BY id", span)
        tensors: dict[int, dict[str, TensorSummary]] = {}
        for key, name, text in self._rows("SELECT * FROM tensors WHERE sample >= ? AND sample < ?", span):
            tensors.setdefault(key, {})[name] = from_json(TensorSummary, text)
        rates = rates_at(self._rows, branch, start, stop)
        return tuple(self._sample(branch, row, tensors.get(row[0], {}), rates(row[0])) for row in rows)

    def columns(self, branch: int, steps: int, quantity: str, count: int) -> tuple[Column, ...]:
        """A quantity over the first `steps` samples in at most `count` columns: min, max, bad."""
        return marked(columns(self._rows, branch, steps, quantity, count), steps, self._edited(branch))

    def parameters(self, branch: int, step: int) -> tuple[Parameter, ...]:
        """The parameters that the training has at a step, as far as any were measured until then."""
        number = parameters.set_at(self._rows, branch, step)
        return () if number is None else self._parameters(number)

    def parameter_stats(self, branch: int, step: int) -> Norms | None:
        """The statistics of each of the parameters at a sample; None if it was not measured."""
        numbers = parameters.numbers_of(self._rows, branch, step)
        return None if numbers is None else self._statistics(numbers)

    def parameter_step(self, branch: int, step: int) -> int | None:
        """The nearest sample at or before `step` that has statistics of its parameters."""
        return parameters.measured_step(self._rows, branch, step)

    def parameter_columns(
        self, branch: int, steps: int, indexes: Sequence[int], count: int
    ) -> tuple[tuple[Column, ...], ...]:
        """The gradient norms of some of the parameters at step `steps` - 1, over the samples until there.

        Args:
            branch: The branch.
            steps: How many of its samples.
            indexes: Which parameters.
            count: How many columns at most, for each; one without a measured sample has no min.
        """
        found = parameters.columns(self._rows, self._parameters, branch, steps, indexes, count)
        edited = self._edited(branch)
        return tuple(marked(each, steps, edited) for each in found) if edited else found

    def epochs(self, branch: int) -> int:
        """How many epochs of a branch have ended."""
        ((last,),) = self._rows("SELECT max(ordinal) FROM epochs WHERE branch = ?", [branch])
        return 0 if last is None else int(last) + 1

    def epoch_ends(self, branch: int, start: int, stop: int) -> tuple[EpochEnd, ...]:
        """The ended epochs by ordinal, from `start` up to before `stop`."""
        return self._epoch_ends("ordinal >= ? AND ordinal < ?", branch, start, stop)

    def epoch_end_at(self, branch: int, step: int) -> EpochEnd | None:
        """The first ended epoch whose last step is `step` or later."""
        return next(iter(self._epoch_ends("last >= ? ORDER BY last LIMIT 1", branch, step)), None)

    def epoch_numbered(self, branch: int, epoch: int) -> EpochEnd | None:
        """The ended epoch of that number, as the loop counts."""
        return next(iter(self._epoch_ends("epoch = ? ORDER BY ordinal LIMIT 1", branch, epoch)), None)

    def graph(self, branch: int, step: int) -> Graph | None:
        """The graph of a sample, None if it was not traced."""
        key = sample_id(branch, step)
        return self._graph(key) if self._rows("SELECT 1 FROM graphs WHERE sample = ?", [key]) else None

    def explanations(self, branch: int, step: int) -> Explanations | None:
        """What the nodes of a sample's graph do, None if they were not explained."""
        found = self._rows("SELECT explanations FROM explanations WHERE sample = ?", [sample_id(branch, step)])
        return self._explanations(found[0][0]) if found else None

    def inside(self, branch: int) -> InsideStop | None:
        """Where a branch has last stopped inside a sample; None if it has stopped elsewhere since."""
        rows = self._rows("SELECT stop FROM inside WHERE branch = ?", [branch])
        return self._inside(rows[0][0]) if rows else None

    def inside_graph(self, branch: int) -> Graph | None:
        """The graph as far as it had grown at that stop."""
        rows = self._rows("SELECT nodes FROM inside WHERE branch = ?", [branch])
        return self._inside_graph(rows[0][0]) if rows else None

    def traced_step(self, branch: int, step: int) -> int | None:
        """The nearest sample at or before `step` that has a graph."""
        span = (sample_id(branch, 0), sample_id(branch, max(step, 0)))
        ((key,),) = self._rows("SELECT max(sample) FROM graphs WHERE sample >= ? AND sample <= ?", span)
        return None if key is None else step_of(key)

    def numbers(
        self, branch: int, names: Sequence[str], start: int, stop: int, count: int
    ) -> list[tuple[int, following.Numbers]]:
        """The next samples from `start` up to before `stop`, at most `count`: step, and these quantities of it."""
        return following.numbers_from(self._rows, branch, names, start, stop, count)

    def has_several_losses(self, branch: int, step: int) -> bool:
        """Whether a sample has several backward passes, so that its loss is only the last one's."""
        return following.has_several_losses(self._rows, branch, step)

    def traced_steps(self, branch: int, start: int, stop: int, count: int) -> list[int]:
        """The next steps that have a graph."""
        return following.graphs_from(self._rows, branch, start, stop, count)

    def measured(
        self, branch: int, start: int, stop: int, count: int
    ) -> list[tuple[int, tuple[Parameter, ...], Norms]]:
        """The next samples at which parameters were measured: step, parameters, and their statistics."""
        rows = following.measured_from(self._rows, branch, start, stop, count)
        return [(step, self._parameters(of), parameters.unpack(blob)) for step, of, blob in rows]

    def notes(self, branch: int, after: int, stop: int, count: int) -> list[following.Note]:
        """What the debuggee has noticed before step `stop`, after note `after`."""
        return following.notes_from(self._rows, branch, after, stop, count)

    def stack(self, branch: int, steps: int) -> Stack | None:
        """The user's frames after so many samples, None if it did not stop there."""
        rows = self._rows("SELECT stack FROM stacks WHERE next = ?", [sample_id(branch, steps)])
        return from_json(Stack, rows[0][0]) if rows else None

    def checks(self, branch: int, step: int) -> tuple[TrainingCheck, ...]:
        """What came of the checks of the training that were made on a sample."""
        select = "SELECT serial, result FROM checks WHERE sample = ? ORDER BY serial"
        rows = self._rows(select, [sample_id(branch, step)])
        return tuple(replace(from_json(TrainingCheck, text), serial=serial) for serial, text in rows)

    def hits(self, branch: int, start: int, stop: int, count: int) -> list[Hit]:
        """The first `count` hits of breakpoints in samples from `start` up to before `stop`, in their order."""
        return following.hits_from(self._rows, branch, start, stop, count)

    def breakpoints_hit(self, branch: int) -> tuple[tuple[int, Hit], ...]:
        """Of each breakpoint that has hit, in the order of their numbers: how often, and its last hit.

        This reads every hit: not for each repaint.
        """
        # SQLite takes the other columns from the row that has the maximum.
        select = "SELECT count(*), max(number), sample, breakpoint, text, place FROM hits"
        span = (sample_id(branch, 0), sample_id(branch + 1, 0))
        rows = self._rows(f"{select} WHERE sample >= ? AND sample < ? GROUP BY breakpoint, text", span)
        return tuple((count, Hit(step_of(key), *rest)) for count, _, key, *rest in rows)

    def edits(self, branch: int) -> tuple[Edit, ...]:
        """What was set by hand, in its order."""
        rows = self._rows("SELECT edit FROM edits WHERE branch = ? ORDER BY id", [branch])
        return tuple(from_json(Edit, text) for (text,) in rows)

    def _edited(self, branch: int) -> list[int]:
        """The samples before which something was set."""
        return [step for (step,) in self._rows("SELECT DISTINCT step FROM edits WHERE branch = ?", [branch])]

    def watched_expressions(self) -> tuple[str, ...]:
        """All expressions that were ever watched."""
        return tuple(each for (each,) in self._rows("SELECT DISTINCT expression FROM watched ORDER BY rowid"))

    def watched(self, expression: str, branch: int, steps: int, count: int = 2) -> list[tuple[int, Value]]:
        """What an expression was last, after at most so many samples: the newest first, each after how many."""
        span = (expression, sample_id(branch, 0), sample_id(branch, max(steps, 0)))
        select = "SELECT next, value FROM watched WHERE expression = ? AND next >= ? AND next <= ?"
        rows = self._rows(f"{select} ORDER BY next DESC LIMIT ?", (*span, count))
        return [(step_of(key), from_json(Value, text)) for key, text in rows]

    def output_count(self) -> int:
        """How many lines were printed, over all branches."""
        ((count,),) = self._rows("SELECT coalesce(max(id), 0) FROM output")
        return int(count)

    def output(self, start: int, stop: int) -> tuple[OutputLine, ...]:
        """Printed lines from number `start` up to before `stop`."""
        where = "id > ? AND id <= ? ORDER BY id"
        rows = self._rows(f"SELECT branch, step, stream, text FROM output WHERE {where}", (start, stop))
        return tuple(OutputLine(*row) for row in rows)

    def output_until(self, branch: int, step: int) -> int:
        """How many lines were printed up to the end of a step."""
        # Lines are in order of (branch, step), but for those of stdout and stderr that were printed at the same
        # time; so some twenty single rows find the place without an index.
        return bisect.bisect_right(range(self.output_count()), (branch, step), key=self._place_of_line)

    def _place_of_line(self, number: int) -> tuple[int, int]:
        ((branch, step),) = self._rows("SELECT branch, step FROM output WHERE id = ?", [number + 1])
        return branch, step

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise RecordingError(f"{self.path} can not be read: {error}") from error

    def _epoch_ends(self, where: str, branch: int, *values: int) -> tuple[EpochEnd, ...]:
        select = "SELECT ordinal, epoch, first, last FROM epochs WHERE branch = ?"
        rows = self._rows(f"{select} AND {where}", (branch, *values))
        return tuple(EpochEnd(*row) for row in rows)

    def _read_graph(self, key: int) -> Graph:
        ((nodes,),) = self._rows("SELECT nodes FROM graphs WHERE sample = ?", [key])
        return unpack_graph(nodes)

    def _read_layout(self, key: int) -> Layout:
        ((text,),) = self._rows("SELECT layout FROM layouts WHERE id = ?", [key])
        return from_json(Layout, text)

    def _read_parameters(self, key: int) -> tuple[Parameter, ...]:
        ((text,),) = self._rows("SELECT parameters FROM parameter_sets WHERE id = ?", [key])
        return from_json(tuple[Parameter, ...], text)

    def _sample(
        self, branch: int, row: Sequence[Any], tensors: dict[str, TensorSummary], rates: Rates
    ) -> RecordedSample:
        key, epoch, index, layout_id, marks, *values = row
        layout = self._layout(layout_id)
        quantities = dict(tensors)
        for bit, (name, value) in enumerate(zip(QUANTITIES, values, strict=True)):
            if name in layout.kinds and name not in tensors:
                kind = layout.kinds[name]
                number = _number(kind, value, marks >> bit)
                summary = TensorSummary.of_one if kind.is_one else TensorSummary.of_norm
                quantities[name] = summary(number, kind)
        return RecordedSample(branch, step_of(key), epoch, index, layout, quantities, rates)


def _number(kind: Kind, value: float, marks: int) -> float:
    """A number as the training had it: SQLite's columns hold doubles, and not even all of them."""
    if marks & NAN:
        return float("nan")
    if marks & NEGATIVE_ZERO:
        return -0.0
    if kind.dtype == "bool":
        return bool(value)
    return int(value) if kind.dtype.startswith(("int", "uint")) else value
