"""The rows against a list made the plain way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.content import Content

from bptui.app.numbers import number
from bptui.app.panels.fitting import fitting
from bptui.app.panels.gradient_rows import GradientRows, columns, passes_of
from bptui.app.widgets.table_rows import PAGE
from bptui.protocol import LossesSeen, RatesSeen
from bptui.recording.reader import Reader
from bptui.records import Kind, Layout, OptimizerRates, RecordedSample, TensorSummary

ONE = Kind((1,), "float32", "cpu")
MANY = Kind((16, 4), "float32", "cpu")


def sample(kinds: dict[str, Kind], *rates: OptimizerRates) -> RecordedSample:
    return RecordedSample(0, 0, 0, 0, Layout(kinds), {}, rates)


NAN = float("nan")
EVERY = columns(sample(dict.fromkeys(("input", "target", "output", "loss", "grad", "by_hand", "weight"), ONE)))
NAMES = {name: EVERY[name] for name in ("epoch", "sample", "loss")}


def text(cell) -> str:
    return cell.plain if isinstance(cell, Content) else cell


def naive(lengths: list[int], declared: bool, steps: int | None = None) -> list[tuple[str, ...]]:
    """What stands in each row, and which step it belongs to."""
    rows: list[tuple[str, ...]] = []
    step = 0
    for epoch, length in enumerate(lengths):
        for index in range(length):
            if steps is not None and step >= steps:
                return rows
            rows.append((str(epoch), str(index + 1), f"{step + 0.5:.4f}", str(step)))
            step += 1
        if declared or epoch + 1 < len(lengths):
            rows.append((f"── epoch {epoch} · loss {number(step - 0.5, 8)}", str(step - 1)))
    return rows


def drawn(rows: GradientRows, start: int, stop: int) -> list[tuple[str, ...]]:
    found = rows.rows(start, stop)
    assert all(bool(row.span) == (row.kind == "rule") for row in found)
    shown = [(text(row.span),) if row.span else tuple(map(text, row.cells)) for row in found]
    return [(*cells, str(rows.step_at(start + i))) for i, cells in enumerate(shown)]


def check(reader: Reader, expected: list[tuple[str, ...]], steps: int) -> None:
    rows = GradientRows(reader, 0, steps, NAMES)
    assert rows.count == len(expected)
    for start in range(0, max(rows.count, 1), PAGE):
        assert drawn(rows, start, start + PAGE) == expected[start : start + PAGE]
    for row, cells in enumerate(expected):
        if len(cells) == 4:
            assert rows.row_of(int(cells[-1])) == row


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    "lengths",
    [[9] * 5, [1], [1] * 200, [3, 1, 1, 40, 2], [200], [PAGE - 1, 1, 1], [PAGE, PAGE], [PAGE + 1] * 3],
    ids=lambda lengths: f"{len(lengths)}of{lengths[0]}",
)
def test_epochs(recorded, lengths: list[int], declared: bool) -> None:
    reader = recorded().epochs(lengths, declared).reader()
    check(reader, naive(lengths, declared), sum(lengths))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.booleans(), st.data())
@settings(max_examples=30, deadline=None)
def test_any_epochs_at_any_moment(
    tmp_path_factory, recording_at, lengths: list[int], declared: bool, data
) -> None:
    # A status lags behind the recording: the rows are those of the status.
    recording = recording_at(tmp_path_factory.mktemp("any") / "x.bptui").epochs(lengths, declared)
    steps = data.draw(st.integers(1, sum(lengths)))
    reader = recording.reader()
    check(reader, naive(lengths, declared, steps), steps)
    reader.close()
    recording.writer.abandon()


def test_any_window_of_rows(recorded) -> None:
    lengths = [3, 1, 1, 4]
    reader = recorded().epochs(lengths).reader()
    rows, expected = GradientRows(reader, 0, 9, NAMES), naive(lengths, declared=True)
    for start in range(len(expected)):
        for stop in range(start, len(expected) + 3):
            assert drawn(rows, start, stop) == expected[start:stop]


def test_an_empty_branch(recorded) -> None:
    rows = GradientRows(recorded().reader(), 0, 0, NAMES)
    assert (rows.count, rows.rows(0, 64)) == (0, [])


def test_branches_do_not_mix(recorded) -> None:
    recording = recorded().epochs([2, 2])
    recording.begin().epochs([1, 3])
    reader = recording.reader()
    check(reader, naive([2, 2], declared=True), 4)
    assert [row[-1] for row in drawn(GradientRows(reader, 1, 4, NAMES), 0, 9)] == ["0", "0", "1", "2", "3", "3"]


def test_the_seed(seed) -> None:
    reader = Reader(seed)
    rows = GradientRows(reader, 0, 63, EVERY)
    first, *_, ninth, end = rows.rows(0, 10)
    values = ["0", "1", "1.000", "3.000", "1.000", "4.0000", "-4.0000", "-4.0000", "0", "1.0000"]
    assert list(map(text, first.cells)) == values
    assert text(ninth.cells[1]) == "9"
    assert text(end.span) == "── epoch 0 · weight 2.9995 · loss 5.032e-5"


def test_a_quantity_that_is_not_there_is_a_dash(recorded) -> None:
    reader = recorded().samples([{"epoch": 0, "index": 0, "loss": 1.0}]).reader()
    (row,) = GradientRows(reader, 0, 1, EVERY).rows(0, 1)
    assert list(map(text, row.cells)) == ["0", "1", "–", "–", "–", "1.0000", "–", "–", "", "–"]


def test_all_columns_where_there_is_room() -> None:
    names = "epoch sample input target output loss grad by_hand difference weight"
    assert " ".join(fitting(EVERY, 200)) == names
    assert tuple(columns(sample({"loss": ONE, "grad": ONE}))) == ("epoch", "sample", "loss", "grad")


def test_before_the_first_sample_those_that_every_sample_has() -> None:
    assert tuple(columns(None)) == ("epoch", "sample", "loss")


def test_a_label_says_norm_where_it_is_one() -> None:
    kinds = {"input": MANY, "loss": ONE, "grad": MANY, "by_hand": MANY, "weight": MANY}
    labels = [shown.column.label for shown in columns(sample(kinds)).values()]
    assert labels == ["epoch", "sample", "input", "loss", "‖grad‖", "‖by hand‖", "‖weight‖"]


def test_tensors_in_short(recorded) -> None:
    def summary(**more) -> TensorSummary:
        parts = {"min": -1.0, "max": 1.0, "mean": -0.021, "std": 0.98, "norm": 7.5, "zeros": 0, "nans": 0}
        parts |= {"pos_infs": 0, "neg_infs": 0, "values": ()}
        return TensorSummary((16, 4), "float32", "cpu", **(parts | more))

    rows = [
        {"epoch": 0, "index": 0, "input": summary(), "loss": 1.5, "grad": summary()},
        {"epoch": 0, "index": 1, "input": summary(nans=2), "loss": 1.5, "grad": summary(nans=2)},
    ]
    reader = recorded().samples(rows).reader()
    found = columns(reader.sample(0, 0))
    drawn = [list(map(text, row.cells)) for row in GradientRows(reader, 0, 2, found).rows(0, 2)]
    assert drawn == [
        ["0", "1", "16×4 -0.021±0.980", "1.5000", "7.5000"],
        ["0", "2", "16×4 2 NaN", "1.5000", "NaN"],
    ]
    assert all(len(row[2]) <= found["input"].column.width for row in drawn)


@pytest.mark.parametrize("width", range(20, 90))
def test_the_columns_fit_and_the_dearest_stay(width: int) -> None:
    found = fitting(EVERY, width)
    assert {"epoch", "sample", "loss", "grad"} <= set(found)
    assert sum(shown.column.width + 1 for shown in found.values()) - 1 <= max(width, 30)
    assert set(found) <= set(fitting(EVERY, width + 1))


def adam(*rates: float | None, name: str = "Adam") -> OptimizerRates:
    return OptimizerRates(name, rates)


@pytest.mark.parametrize(
    ("rates", "shown"),
    [
        ([adam(1e-3)], "1e-3"),
        ([adam(0.000312)], "3.12e-4"),
        ([adam(0.1)], "0.1"),
        ([adam(0.0)], "0"),
        ([adam(1e-3, 1e-4)], "1e-3 1e-4"),
        ([adam(1e-3, 1e-3)], "1e-3"),
        ([adam(None, 1e-3)], "1e-3"),
        ([adam(2e-4), adam(1e-3, name="Adam#2")], "2e-4 1e-3"),
        ([adam(1e-3, 1e-4, 1e-5, 1e-6)], "1e-3 1e-4 1e-5 …"),
        ([adam(float("nan"))], "NaN"),
    ],
)
def test_learning_rates(recorded, rates: list[OptimizerRates], shown: str) -> None:
    recording = recorded().samples([{"epoch": 0, "index": i, "loss": 1.0} for i in range(3)])
    recording.writer.rates(RatesSeen(1, tuple(rates)))
    reader = recording.reader()
    assert "lr" not in columns(reader.sample(0, 0))
    found = columns(reader.sample(0, 1))
    cells = [text(row.cells[-1]) for row in GradientRows(reader, 0, 3, found).rows(0, 3)]
    assert cells == ["–", shown, shown]


def test_of_a_micro_batch_no_learning_rate(recorded) -> None:
    numbers = [0, 1, 0]
    rows = [{"epoch": 0, "index": i, "loss": 1.0, "update_number": number} for i, number in enumerate(numbers)]
    recording = recorded().samples(rows)
    recording.writer.rates(RatesSeen(1, (adam(0.1),)))
    reader = recording.reader()
    drawn = GradientRows(reader, 0, 3, columns(reader.sample(0, 2))).rows(0, 3)
    assert [text(row.cells[-1]) for row in drawn] == ["·", "0.1", "·"]


def test_the_losses_of_several_backward_passes(recorded) -> None:
    recording = recorded().samples([{"epoch": 0, "index": i, "loss": 1.0} for i in range(3)])
    for step, losses in ((1, (4.0, NAN, 1.0)), (2, (2.0, 1.0))):
        summary = replace(TensorSummary.of_norm(1.0, ONE), shape=(len(losses),), values=losses)
        recording.writer.losses(LossesSeen(step, summary))
    reader = recording.reader()
    assert [passes_of(each) for each in reader.samples(0, 0, 3)] == [1, 3, 2]
    found = columns(reader.sample(0, 2), passes=3)
    assert tuple(found) == ("epoch", "sample", "loss 1", "loss 2", "loss")
    cells = [list(map(text, row.cells[2:])) for row in GradientRows(reader, 0, 3, found).rows(0, 3)]
    assert cells == [["–", "–", "1.0000"], ["4.0000", "NaN", "1.0000"], ["2.0000", "–", "1.0000"]]


def test_where_there_is_no_room_learning_rates_are_fewer_before_they_are_left_out() -> None:
    every = columns(sample({"loss": ONE, "grad": MANY}, adam(1e-3, 1e-4), adam(1e-5, name="SGD")), passes=3)
    widths = {}
    for room in range(80, 20, -1):
        widths[room] = {name: shown.column.width for name, shown in fitting(every, room).items()}
    assert widths[66]["lr"] == 17
    assert [widths[room]["lr"] for room in (65, 57, 56)] == [16, 8, 7]
    assert "loss 2" in widths[56]
    assert list(widths[55]) == ["epoch", "sample", "loss 1", "loss", "grad", "lr"]
    assert "lr" not in widths[30]
