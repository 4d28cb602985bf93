"""What a writer writes, a reader reads: samples of any numbers, shapes and layouts."""

import base64
import math
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bptui.protocol import GraphTraced, StackSeen, pack_graph, to_json
from bptui.recording.reader import Reader
from bptui.recording.writer import Writer
from bptui.records import (
    QUANTITIES,
    Frame,
    Kind,
    Layout,
    Local,
    Node,
    Place,
    Stack,
    Target,
    TensorSummary,
)

from .making import alike, batch, layout, losses, summary, tensor

shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)
kinds = st.builds(Kind, shapes, st.sampled_from(["float32", "float64", "complex64"]), st.just("cpu"))
places = st.builds(Place, st.text(), st.integers(1))
layouts = st.builds(
    Layout, st.dictionaries(st.sampled_from(QUANTITIES), kinds), st.none() | places,
    st.none() | st.integers(1, 99), st.none() | st.integers(1, 99),
)  # fmt: skip
counts = st.integers(0, 2**53 - 1)


@st.composite
def stretches(draw):
    """Stretches of samples, each of one layout: (layout, [(epoch, index, numbers, tensors)])."""
    found = []
    for stretch in draw(st.lists(layouts, min_size=1, max_size=4)):
        ones = [name for name, kind in stretch.kinds.items() if kind.is_one]
        many = [name for name in stretch.kinds if name not in ones]
        row = st.tuples(
            counts, counts, st.fixed_dictionaries({name: st.floats() for name in ones}),
            st.fixed_dictionaries({name: st.lists(st.floats(), max_size=3) for name in many}),
        )  # fmt: skip
        found.append((stretch, draw(st.lists(row, min_size=1, max_size=3))))
    return found


@settings(max_examples=60, deadline=None)
@given(stretches())
def test_samples_of_any_layout(written):
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "x.bptui")
        writer.begin_branch("start")
        expected = _write(writer, written)
        writer.close()
        reader = Reader(writer.path)
        try:
            assert reader.steps(0) == len(expected)
            _assert_same(reader.samples(0, 0, len(expected)), expected)
        finally:
            reader.close()


def _write(writer, written):
    expected = []
    for number, (stretch, rows) in enumerate(written):
        writer.layout(number, stretch)
        first = len(expected)
        beside = []
        for epoch, index, numbers, tensors in rows:
            summaries = {name: summary(values, stretch.kinds[name].shape) for name, values in tensors.items()}
            beside += [tensor(len(expected), name, value) for name, value in summaries.items()]
            ones = {name: TensorSummary.of_one(value, stretch.kinds[name]) for name, value in numbers.items()}
            expected.append((epoch, index, stretch, ones | summaries))
        writer.samples(batch(first, number, [row[:3] for row in rows], beside))
    return expected


def _assert_same(samples, expected):
    for step, (sample, (epoch, index, stretch, quantities)) in enumerate(zip(samples, expected, strict=True)):
        assert (sample.branch, sample.step, sample.epoch, sample.index) == (0, step, epoch, index)
        assert sample.layout == stretch
        assert sample.quantities.keys() == quantities.keys()
        for name, value in quantities.items():
            assert alike(sample.quantities[name], value)


def test_numbers_keep_their_kind(writer, read):
    whole, truth = Kind((), "int64", "cpu"), Kind((1,), "bool", "cpu")
    writer.layout(0, Layout({"target": whole, "output": truth, "loss": Kind((), "float", "cpu")}))
    writer.samples(batch(0, 0, [(0, 0, {"target": 7.0, "output": 1.0, "loss": 2.0})]))
    quantities = read().sample(0, 0).quantities
    assert [repr(quantities[name].item) for name in ("target", "output", "loss")] == ["7", "True", "2.0"]
    assert quantities["output"].shape == (1,)


def test_an_absent_quantity_is_not_zero(writer, read):
    writer.layout(0, layout("loss"))
    writer.samples(batch(0, 0, [(0, 0, {"loss": 0.0})]))
    assert list(read().sample(0, 0).quantities) == ["loss"]


def test_a_nan_is_there_and_an_infinity_too(writer, read):
    writer.layout(0, layout("loss", "grad"))
    nan, inf = float("nan"), float("inf")
    writer.samples(batch(0, 0, [(0, 0, {"loss": nan, "grad": inf}), (0, 1, {"loss": inf, "grad": -inf})]))
    first, second = read().samples(0, 0, 2)
    assert repr(first.quantities["loss"].item) == "nan" and first.quantities["loss"].nans == 1
    assert first.quantities["grad"].item == inf and second.quantities["grad"].neg_infs == 1


def test_a_window_is_what_is_asked_for(writer, read):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [float(i) for i in range(30)]))
    reader = read()
    assert [sample.step for sample in reader.samples(0, 10, 13)] == [10, 11, 12]
    assert [sample.step for sample in reader.samples(0, -5, 2)] == [0, 1]
    assert [sample.step for sample in reader.samples(0, 28, 99)] == [28, 29]
    assert reader.samples(0, 30, 40) == reader.samples(0, 5, 5) == reader.samples(1, 0, 9) == ()
    assert reader.sample(0, 30) is None


def test_branches_are_apart(writer, read):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0, 2.0]))
    writer.state("finished", "reset", 0)
    writer.begin_branch("reset")
    writer.layout(0, layout("loss", samples=3))
    writer.samples(losses(0, [5.0]))
    writer.state("paused")
    reader = read()
    first, second = reader.branches()
    assert (first.id, first.parent, first.reason, first.state, first.detail, first.exit_code, first.steps) == (
        0, None, "start", "finished", "reset", 0, 2,
    )  # fmt: skip
    assert (second.id, second.parent, second.reason, second.state, second.steps) == (1, 0, "reset", "paused", 1)
    assert reader.sample(1, 0).quantities["loss"].item == 5.0
    assert reader.sample(1, 0).layout.samples == 3
    assert reader.sample(0, 1).quantities["loss"].item == 2.0


NODES = (
    Node("weight", "parameter", value=summary([1.0]), node="AccumulateGrad"),
    Node("mul", "op", (0,), None, summary([float("nan")]), Place("loop.py", 3), "MulBackward0"),
)


def test_graphs(writer, read):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [0.0] * 10))
    for step in (2, 5):
        writer.graph(GraphTraced(step, base64.b64encode(pack_graph(NODES)).decode()))
    reader = read()
    assert alike(tuple(reader.graph(0, 5)), NODES)
    assert reader.graph(0, 4) is None
    assert [reader.traced_step(0, step) for step in (1, 2, 4, 5, 9)] == [None, 2, 2, 5, 5]
    assert reader.traced_step(1, 9) is None


@given(st.text(), st.text(), st.text())
@settings(max_examples=30, deadline=None)
def test_any_text(text, key, path):
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "x.bptui")
        writer.begin_branch("start")
        writer.describe({key: text})
        writer.source(path, text)
        writer.state("failed", text, 1)
        writer.output([(0, 1, text)])
        writer.close()
        reader = Reader(writer.path)
        expected = text.encode("utf-8", "backslashreplace").decode()
        try:
            assert reader.source(path) == reader.branches()[0].detail == reader.output(0, 1)[0].text == expected
            assert expected in reader.facts().values()
        finally:
            reader.close()


def test_facts_and_target(writer, read):
    reader = read()
    assert reader.target() is None
    target = Target("linear", "A line", "/x/\udcff.py", 3, {"lr": "0.1"}, "3.11", "2.13")
    writer.describe({"target": to_json(target)})
    writer.source("/x/\udcff.py", "text")
    reader = read()
    assert reader.target() == target
    assert reader.source(target.path) == "text"
    assert reader.source("elsewhere") == ""
    assert float(reader.facts()["began"]) > 0


def test_output_in_windows_and_up_to_a_step(writer, read):
    for step in (-1, 0, 0, 3, 3, 3, 7):
        writer.output([(step, 1, f"at {step}")])
    writer.begin_branch("reset")
    writer.output([(-1, 2, "again"), (0, 1, "at 0")])
    reader = read()
    assert reader.output_count() == 9
    assert [line.text for line in reader.output(2, 5)] == ["at 0", "at 3", "at 3"]
    assert [(line.branch, line.step, line.is_error) for line in reader.output(7, 99)] == [
        (1, -1, True),
        (1, 0, False),
    ]
    asked = [(0, -1), (0, 0), (0, 2), (0, 3), (0, 6), (0, 7), (0, 99), (1, -1), (1, 5)]
    assert [reader.output_until(*place) for place in asked] == [1, 3, 3, 6, 6, 7, 7, 8, 9]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 5)), max_size=30), st.integers(0, 3), st.integers(-1, 6)
)
def test_output_up_to_any_step(printed, branch, step):
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "x.bptui")
        for place in sorted(printed):
            while writer.branch < place[0]:
                writer.begin_branch("start")
            writer.output([(place[1], 1, "")])
        writer.close()
        reader = Reader(writer.path)
        try:
            assert reader.output_until(branch, step) == sum(place <= (branch, step) for place in printed)
        finally:
            reader.close()


def test_stacks_before_the_first_sample_and_of_each_branch(writer, read):
    def stack(name, error=""):
        frame = Frame(name, Place("a.py", 3), (Local("x", "Tensor", "", summary([1.0, math.nan])),), 2, "1 frame")
        return Stack((frame,), 1, error)

    writer.stack(StackSeen(0, stack("first")))
    writer.stack(StackSeen(4, stack("fourth")))
    writer.stack(StackSeen(4, stack("failed", "ValueError")))
    writer.begin_branch("reset")
    writer.stack(StackSeen(0, stack("again")))
    reader = read()
    assert alike(reader.stack(0, 0), stack("first"))
    assert alike(reader.stack(0, 4), stack("failed", "ValueError"))
    assert reader.stack(0, 1) is None
    assert alike(reader.stack(1, 0), stack("again"))
