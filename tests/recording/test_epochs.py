"""Where the recording sees epochs end."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.recording.epochs import EpochFinder
from bptui.recording.reader import EpochEnd

from .making import batch, layout


def ends(lengths, declared=None, cuts=()):
    """The ends that are found in epochs of these lengths, given in pieces."""
    samples = [(epoch, index) for epoch, length in enumerate(lengths) for index in range(length)]
    finder, found = EpochFinder(), []
    places = [0, *sorted(cuts), len(samples)]
    for begin, end in itertools.pairwise(places):
        epochs, indexes = [e for e, _ in samples[begin:end]], [i for _, i in samples[begin:end]]
        found += finder.follow(begin, epochs, indexes, declared)
    return found


def test_a_declared_epoch_ends_with_its_last_sample():
    assert ends([3, 3], declared=3) == [(0, 0, 0, 2), (1, 1, 3, 5)]


def test_an_undeclared_epoch_ends_when_the_next_begins():
    assert ends([3, 2, 4]) == [(0, 0, 0, 2), (1, 1, 3, 4)]


def test_epochs_of_one_sample():
    assert ends([1, 1, 1], declared=1) == [(0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2)]
    assert ends([1, 1, 1]) == [(0, 0, 0, 0), (1, 1, 1, 1)]


def test_a_shorter_epoch_than_declared_ends_when_the_next_begins():
    assert ends([3, 1, 3], declared=3) == [(0, 0, 0, 2), (1, 1, 3, 3), (2, 2, 4, 6)]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.none() | st.integers(1, 5), st.data())
def test_pieces_do_not_matter(lengths, declared, data):
    cuts = data.draw(st.lists(st.integers(0, sum(lengths)), max_size=5))
    assert ends(lengths, declared, cuts) == ends(lengths, declared)


@pytest.fixture
def reader(writer, read):
    """Two branches: epochs 5, 6, 7 of two samples each, of which the last is under way; then epoch 0."""
    writer.layout(0, layout("loss"))
    writer.samples(batch(0, 0, [(5, 0, {}), (5, 1, {}), (6, 0, {}), (6, 1, {}), (7, 0, {})]))
    writer.begin_branch("reset")
    writer.layout(0, layout("loss", samples=1))
    writer.samples(batch(0, 0, [(0, 0, {})]))
    return read()


def test_ended_epochs_by_ordinal_step_and_number(reader):
    first, second = EpochEnd(0, 5, 0, 1), EpochEnd(1, 6, 2, 3)
    assert reader.epochs(0) == 2
    assert reader.epoch_ends(0, 0, 9) == (first, second)
    assert reader.epoch_ends(0, 1, 2) == (second,)
    assert [reader.epoch_end_at(0, step) for step in range(5)] == [first, first, second, second, None]
    assert [reader.epoch_numbered(0, epoch) for epoch in (5, 6, 7)] == [first, second, None]
    assert reader.epoch_ends(1, 0, 9) == (EpochEnd(0, 0, 0, 0),)
    assert reader.epochs(2) == 0


@pytest.mark.parametrize(
    ("state", "detail", "epochs"), [("finished", "", 2), ("finished", "quit", 1), ("failed", "", 1)]
)
def test_the_last_epoch_ends_when_the_loop_runs_out(writer, read, state, detail, epochs):
    writer.layout(0, layout("loss"))
    writer.samples(batch(0, 0, [(0, 0, {}), (1, 0, {}), (1, 1, {})]))
    for _ in range(2):
        writer.state(state, detail, 0)
    assert read().epochs(0) == epochs
    if epochs == 2:
        assert read().epoch_numbered(0, 1) == EpochEnd(1, 1, 1, 2)


def test_a_declared_last_epoch_does_not_end_twice(writer, read):
    writer.layout(0, layout("loss", samples=1))
    writer.samples(batch(0, 0, [(0, 0, {})]))
    writer.state("finished", "", 0)
    assert read().epochs(0) == 1
