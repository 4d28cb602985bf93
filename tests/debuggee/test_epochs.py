"""Where the debuggee sees epochs end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.debuggee.epochs import LATE, Epochs
from bptui.records import Sample


def run(lengths, declared=None, epochs=None):
    """(ends, doubt) at each sample of epochs of these lengths."""
    watch, step, found = Epochs(), 0, []
    for epoch, length in enumerate(lengths):
        for index in range(length):
            step += 1
            ends = watch.ends_with(Sample(epoch, index, 0.0, samples=declared, epochs=epochs), step)
            found.append((ends, watch.doubt))
    return found


def ends(found):
    return [step for step, (count, _) in enumerate(found) for _ in range(count)]


def test_declared_epochs_end_on_time():
    found = run([3, 3, 3], declared=3)
    assert ends(found) == [2, 5, 8] and {doubt for _, doubt in found} == {""}


def test_undeclared_epochs_end_late_once_and_then_on_time():
    found = run([3, 3, 3])
    assert ends(found) == [3, 5, 8]
    assert [doubt for _, doubt in found] == ["", "", "", LATE, "", "", "", "", ""]


def test_epochs_that_get_shorter_end_late_and_none_is_lost():
    assert ends(run([3, 3, 2, 2])) == [3, 5, 8, 9]


def test_epochs_that_get_longer_end_once():
    assert ends(run([2, 4, 4])) == [2, 3, 9]


def test_epochs_of_one_sample():
    assert ends(run([1, 1, 1], declared=1)) == [0, 1, 2]
    assert ends(run([1, 1, 1])) == [1, 1, 2]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_every_epoch_but_the_last_is_counted_once(lengths):
    assert len(lengths) - 1 <= len(ends(run(lengths))) <= len(lengths)


def test_what_was_not_looked_at_makes_no_end():
    watch = Epochs()
    watch.ends_with(Sample(0, 0, 0.0), 1)
    assert watch.ends_with(Sample(5, 2, 0.0), 100) == 0


def test_how_far_it_is():
    watch = Epochs()
    assert watch.samples_to(1) is None and watch.samples_to_the_end() is None
    watch.ends_with(Sample(0, 0, 0.0, samples=4, epochs=3), 1)
    assert [watch.samples_to(ends) for ends in (1, 2, 3)] == [3, 7, 11]
    assert watch.samples_to_the_end() == 11
    watch.ends_with(Sample(0, 3, 0.0, samples=4, epochs=3), 4)
    assert watch.samples_to(1) == 4 and watch.samples_to_the_end() == 8
    watch.ends_with(Sample(2, 3, 0.0, samples=4, epochs=3), 12)
    assert watch.samples_to_the_end() is None


@pytest.mark.parametrize(
    "sample",
    [
        Sample(0, 0, 0.0),
        Sample(0, 0, 0.0, samples=0),
        Sample(0, 9, 0.0, samples=9, epochs=9),  # more samples than declared
        Sample(5, 0, 0.0, samples=4, epochs=5),  # counts epochs from 1
        Sample(9, 0, 0.0, samples=4, epochs=5),
    ],
)
def test_a_loop_that_does_not_say_or_does_not_say_the_truth(sample):
    watch = Epochs()
    watch.ends_with(sample, 1)
    assert watch.samples_to_the_end() is None
    assert (watch.samples_to(1) or 1) > 0
