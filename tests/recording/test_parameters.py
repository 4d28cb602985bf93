"""Statistics of each parameter come back as they were; plots of them against a look at every sample."""

import base64
import math
import tempfile
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bptui.protocol import ABSENT, ParameterSamples, ParametersSeen
from bptui.recording.reader import Reader
from bptui.recording.writer import Writer
from bptui.records import Parameter, ParameterStats

from .making import alike, layout, losses
from .test_buckets import LONG, naive

norms = st.none() | st.sampled_from([0.0, math.inf, math.nan, 5e-324]) | st.floats(0, 1e300)
stats = st.builds(ParameterStats, norms, norms, norms)


def parameters(*names):
    return tuple(Parameter(name, (2, 3), "float32", "cpu") for name in names)


def samples(number, rows):
    """Statistics as the debuggee sends them, of {step: statistics of each parameter}."""
    numbers = array("d")
    for row in rows.values():
        for each in row:
            three = (None,) * 3 if each is None else (each.weight, each.grad, each.update)
            numbers.extend(ABSENT if norm is None else norm for norm in three)
    return ParameterSamples(number, tuple(rows), base64.b64encode(numbers).decode())


def grads(*values):
    return tuple(ParameterStats(1.0, value, None) for value in values)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 40), st.tuples(stats, stats), min_size=1))
def test_statistics_come_back_as_they_were(measured):
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "x.bptui")
        writer.begin_branch("start")
        writer.layout(0, layout("loss"))
        writer.parameters(ParametersSeen(0, parameters("a", "b")))
        writer.parameter_samples(samples(0, dict(sorted(measured.items()))))
        writer.samples(losses(0, [1.0] * 41))
        writer.close()
        reader = Reader(writer.path)
        try:
            for step in range(41):
                nearest = max((each for each in measured if each <= step), default=None)
                assert reader.parameter_step(0, step) == nearest
                assert reader.parameters(0, step) == (() if nearest is None else parameters("a", "b"))
                stats = reader.parameter_stats(0, step)
                assert alike(stats and tuple(stats), _expected(measured.get(step)))
        finally:
            reader.close()


def _expected(row):
    if row is None:
        return None
    return tuple(None if repr(each) == repr(ParameterStats(None, None, None)) else each for each in row)


def test_sets_follow_one_another(writer, read):
    writer.layout(0, layout("loss"))
    writer.parameters(ParametersSeen(0, parameters("a", "b")))
    writer.parameter_samples(samples(0, {2: grads(1.0, 2.0)}))
    writer.samples(losses(0, [0.0] * 4))
    writer.parameters(ParametersSeen(1, parameters("c", "b", "")))
    writer.parameter_samples(samples(1, {5: grads(3.0, 4.0, 5.0)}))
    writer.samples(losses(4, [0.0] * 4))
    writer.begin_branch("reset")
    writer.parameters(ParametersSeen(0, parameters("c", "b", "")))
    reader = read()
    assert reader.parameters(0, 1) == ()
    assert reader.parameters(0, 4) == parameters("a", "b")
    assert reader.parameters(0, 7) == parameters("c", "b", "")
    assert reader.parameters(1, 0) == ()
    assert reader.parameter_step(1, 9) is None
    columns = reader.parameter_columns(0, 8, [1, 0, 2], 4)
    assert [[column.max for column in each] for each in columns] == [
        [None, 2.0, 4.0, None],  # b was there before
        [None, None, 3.0, None],
        [None, None, 5.0, None],
    ]
    assert reader.parameter_columns(0, 2, [0], 4) == ((),)


ODD = (math.nan, math.inf, 0.0, None)


def _grad(step):
    return math.sin(step) ** 2 * step if step % 89 else ODD[step % 4]


@pytest.fixture(scope="module")
def long_run():
    """Samples of which every third is measured, and but for a few."""
    measured = [step for step in range(LONG) if step % 3 == 0 and not 1000 < step < 1400]
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "x.bptui")
        writer.begin_branch("start")
        writer.layout(0, layout("loss"))
        writer.parameters(ParametersSeen(0, parameters("a", "b")))
        for first in range(0, LONG, 617):
            steps = range(first, min(first + 617, LONG))
            rows = {step: grads(_grad(step), float(step)) for step in steps if step in measured}
            writer.parameter_samples(samples(0, rows))
            writer.samples(losses(first, [0.0] * len(steps)))
            writer.commit()
        writer.close()
        reader = Reader(writer.path)
        yield reader, [_grad(step) if step in measured else None for step in range(LONG)]
        reader.close()


@pytest.mark.parametrize("count", [1, 2, 7, 33, 80, 500])
@pytest.mark.parametrize("steps", [1, 16, 257, 1400, LONG])
def test_columns_against_a_look_at_every_sample(long_run, steps, count):
    reader, values = long_run
    ((found,), (_, again)) = (reader.parameter_columns(0, steps, which, count) for which in ([0], [1, 0]))
    assert [(column.min, column.max, column.bad) for column in found] == naive(values[:steps], count)
    assert found == again


def test_columns_read_few_rows_however_long_the_run_is(long_run):
    reader, _ = long_run
    read = 0

    def counted(statement, values=()):
        nonlocal read
        rows = select(statement, values)
        read += len(rows)
        return rows

    select, reader._rows = reader._rows, counted
    try:
        for count in (1, 10, 100):
            read = 0
            reader.parameter_columns(0, LONG, [0, 1], count)
            assert 0 < read <= 16 * count + 120
    finally:
        reader._rows = select
