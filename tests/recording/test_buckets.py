"""Columns of a plot against a look at every sample."""

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bptui.recording.reader import Reader
from bptui.recording.schema import FAN
from bptui.recording.writer import Writer
from bptui.records import QUANTITIES

from .making import batch, layout, losses

ODD = (math.nan, math.inf, -math.inf, 1.7976931348623157e308, -1.7976931348623157e308, 5e-324, -0.0)


def naive(values, count):
    """The columns, computed from every value that is there; a piece as wide as a bucket counts where it begins."""
    steps, count = len(values), min(count, len(values))
    level = max((level for level in range(1, 9) if FAN**level <= steps // count), default=0) if count else 0
    gathered = [[] for _ in range(count)]
    for step, value in enumerate(values):
        # The rest that fills no whole bucket is looked at in the finer buckets that it does fill.
        width = next(FAN**fine for fine in range(level, -1, -1) if step < steps // FAN**fine * FAN**fine)
        if value is not None:
            gathered[step // width * width * count // steps].append(value)
    columns = []
    for part in gathered:
        finite = [value for value in part if math.isfinite(value)]
        columns.append((min(finite, default=None), max(finite, default=None), len(finite) < len(part)))
    return columns


def assert_right(reader, values, count, branch=0):
    found = [(column.min, column.max, column.bad) for column in reader.columns(branch, len(values), "loss", count)]
    assert found == naive(values, count)


def _recording(folder, *branches, commit_every=1000):
    writer = Writer(Path(folder) / "x.bptui")
    for values in branches:
        writer.begin_branch("start")
        writer.layout(0, layout("loss"))
        for first in range(0, len(values), commit_every):
            writer.samples(losses(first, values[first : first + commit_every]))
            writer.commit()
    writer.close()
    return Reader(writer.path)


numbers = st.sampled_from(ODD) | st.floats(-1e3, 1e3)


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, max_size=40), st.integers(0, 1000), st.integers(1, 60), st.sampled_from([1, 7, 300]))
def test_columns_of_short_runs(values, repeats, count, commit_every):
    values = (values * repeats)[:1200]
    with tempfile.TemporaryDirectory() as folder:
        reader = _recording(folder, values, commit_every=max(commit_every, len(values) // 50))
        try:
            assert_right(reader, values, count)
        finally:
            reader.close()


LONG = 2 * FAN**3 + 3 * FAN**2 + 5 * FAN + 7


@pytest.fixture(scope="module")
def long_run():
    """More samples than three levels of buckets sum up, in two branches, and what they are."""
    first = [math.sin(step) * step if step % 997 else ODD[step % 7] for step in range(LONG)]
    second = [float(-step) for step in range(FAN**2 + 1)]
    with tempfile.TemporaryDirectory() as folder:
        reader = _recording(folder, first, second, commit_every=617)
        yield reader, first, second
        reader.close()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 33, 80, 119, 500, LONG - 1, LONG, 10 * LONG])
def test_columns_of_a_long_run(long_run, count):
    reader, first, second = long_run
    assert_right(reader, first, count)
    assert_right(reader, second, count, branch=1)


@pytest.mark.parametrize("steps", [0, 1, 15, 16, 17, 255, 256, 257, 4095, 4096, 4097, LONG])
def test_columns_of_the_first_samples_of_a_long_run(long_run, steps):
    reader, first, _ = long_run
    for count in (1, 10, 100):
        assert_right(reader, first[:steps], count)


def test_no_column_and_no_sample(long_run):
    reader, _, _ = long_run
    assert reader.columns(0, 100, "loss", 0) == reader.columns(0, 0, "loss", 10) == ()


def test_an_absent_quantity_is_empty_columns(long_run):
    reader, _, _ = long_run
    assert {(c.min, c.max, c.bad) for c in reader.columns(0, LONG, "grad", 50)} == {(None, None, False)}


def test_columns_read_few_rows_however_long_the_run_is(long_run):
    reader, _, _ = long_run
    read = 0

    def counted(statement, values):
        nonlocal read
        rows = select(statement, values)
        read += len(rows)
        return rows

    select, reader._rows = reader._rows, counted
    try:
        for count in (1, 10, 100):
            read = 0
            reader.columns(0, LONG, "loss", count)
            assert read <= 16 * count + 120
    finally:
        reader._rows = select


def test_what_was_not_committed_before_a_reset_has_its_buckets(writer, read):
    values = [float(step) for step in range(FAN**2 + 3)]
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, values))
    writer.begin_branch("reset")
    assert_right(read(), values, 3)


def test_a_bad_value_marks_its_own_quantity_only(writer, read):
    writer.layout(0, layout(*QUANTITIES))
    rows = [(0, step, {"grad": math.nan if step == 3 else 1.0}) for step in range(2 * FAN**2)]
    rows[FAN**2] = (0, FAN**2, {"input": math.inf})
    writer.samples(batch(0, 0, rows))
    reader = read()
    for count in (1, 2, 5):
        bad = {name: [column.bad for column in reader.columns(0, len(rows), name, count)] for name in QUANTITIES}
        assert {name for name, marks in bad.items() if any(marks)} == {"grad", "input"}
        assert bad["grad"].index(True) == 0 and bad["input"].index(True) == count // 2
