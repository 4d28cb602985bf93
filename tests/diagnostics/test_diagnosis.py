"""Findings open, persist and close; live or later, at once or bit by bit, they are the same."""

import pytest

from bptui.diagnostics.diagnosis import MOST
from bptui.recording.reader import Reader

from .making import NAN, Run, op, weight

MATRIX = (4, 4)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run.bptui")


def dying(run, count=200):
    """A training with a bit of everything."""
    for step in range(count):
        is_odd = step % 50 > 40
        run.sample(
            NAN if step == 120 else 5.0 if step == 77 else 1.0, 1e4 if step == 99 else 1.0,
            first=(MATRIX, 1.0, 1e-9 if is_odd else 1.0, 1e-3), last=(MATRIX, 1.0, 1.0, 0.9 if is_odd else 1e-3),
        )  # fmt: skip
        if step in (20, 30):
            run.noticed("gradient-not-zeroed", *["first"] * (step == 20))
        yield step


def test_a_finding_opens_persists_and_closes(run):
    for loss in (1.0, NAN, NAN, NAN, 1.0, 1.0):
        run.sample(loss)
    (found,) = run.findings()
    assert (found.rule, found.subject, found.since, found.until) == ("not-finite-sample", "loss", 1, 4)
    assert [found.holds_at(step) for step in range(6)] == [False, True, True, True, False, False]
    assert not found.is_open


def test_it_is_believed_after_so_many_looks_and_dates_from_the_first(run):
    small, usual = ({"first": (MATRIX, 1.0, grad, 1e-3), "last": (MATRIX, 1.0, 1.0, 1e-3)} for grad in (1e-9, 1.0))
    for parameters in (small, small, usual, small, small, small, usual, small, usual, usual, usual):
        run.sample(**parameters)
    (found,) = run.findings()  # two in a row were not enough, and one without it did not end it
    assert (found.rule, found.since, found.until) == ("vanishing-gradient", 3, 8)


def test_what_comes_again_is_another_finding(run):
    for loss in (NAN, 1.0, NAN):
        run.sample(loss)
    assert [(each.since, each.until) for each in run.findings()] == [(0, 1), (2, None)]


def test_bit_by_bit_while_it_is_recorded_or_all_at_once_it_is_the_same(run):
    live = run.diagnosis()
    for _ in dying(run):
        run.writer.commit()
        live.follow(run.writer.steps, seconds=0)
    assert live.follow(run.writer.steps)
    later = run.findings()
    assert live.findings == later
    assert {each.rule for each in later} >= {
        "not-finite-sample", "loss-spike", "exploding-gradient", "vanishing-gradient", "update-ratio",
        "gradient-not-zeroed",
    }  # fmt: skip


def test_a_look_is_bounded_and_goes_on_where_it_was(run):
    for _ in dying(run):
        pass
    diagnosis = run.diagnosis()
    looks = 1
    while not diagnosis.follow(run.writer.steps, seconds=0):
        looks += 1
    assert looks > 3
    assert diagnosis.findings == run.findings()


def test_a_look_reads_only_what_is_new(run, monkeypatch):
    """However long the run is, a query is one of so many rows from where the last one ended."""
    for _ in dying(run):
        pass
    diagnosis = run.diagnosis()
    diagnosis.follow(run.writer.steps)
    read = []
    original = Reader._rows
    monkeypatch.setattr(Reader, "_rows", lambda *args: read.append(len(original(*args))) or original(*args))
    run.sample()
    run.writer.commit()
    diagnosis.follow(run.writer.steps)
    assert sum(read) <= 2 and len(read) <= 10


def test_of_many_at_once_a_few_are_told_and_the_rest_counted(run):
    many = {f"layer{i}": (MATRIX, NAN, 1.0, 1.0) for i in range(MOST + 5)}
    run.sample(**many)
    diagnosis = run.diagnosis()
    diagnosis.follow(1)
    assert [each.subject for each in diagnosis.findings] == [f"layer{i}" for i in range(MOST)]
    assert diagnosis.crowded == {"not-finite-parameter": 5}


def test_each_branch_is_judged_by_itself(run):
    run.sample(NAN)
    run.begin()
    run.sample(1.0).noticed("loss-detached", "loss").sample()
    diagnosis = run.diagnosis(branch=1)
    diagnosis.follow(2)
    assert [each.rule for each in diagnosis.findings] == ["loss-detached"]
    assert [each.rule for each in run.findings()] == ["not-finite-sample"]


def test_a_rule_that_is_off_finds_nothing(run):
    run.sample(NAN)
    assert run.findings(not_finite_sample={"on": False}) == ()


def test_a_graph_that_comes_after_its_sample_is_looked_at(tmp_path):
    run = Run(tmp_path / "loop.bptui", is_loop=True)
    live = run.diagnosis()
    nodes = weight("w", [1.0] * 4, [1.0] * 4), op("log", (0,), [NAN, 1.0])
    run.traced(*nodes)
    run.writer.commit()
    live.follow(run.writer.steps)
    run.sample()
    run.writer.commit()
    live.follow(run.writer.steps)
    assert [each.rule for each in live.findings] == ["not-finite-op"]
    assert live.findings == run.findings()
