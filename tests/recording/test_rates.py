"""Learning rates, written where they change and read of any sample."""

import pytest

from bptui.protocol import RatesSeen
from bptui.records import OptimizerRates

from .making import layout, losses


def adam(*rates):
    return (OptimizerRates("Adam", rates),)


@pytest.fixture
def changes(writer):
    """Two branches: one of forty samples, and one of five that never makes a step."""
    writer.layout(0, layout("loss"))
    for step, rate in ((3, 0.1), (10, 0.2), (11, None)):
        writer.rates(RatesSeen(step, adam(rate)))
    writer.samples(losses(0, [1.0] * 40))
    writer.begin_branch("reset")
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0] * 5))


def expected(step):
    return () if step < 3 else adam(0.1 if step < 10 else 0.2 if step < 11 else None)


def test_each_sample_has_those_of_the_last_change(changes, read):
    reader = read()
    for start, stop in ((0, 40), (0, 4), (3, 11), (5, 8), (10, 12), (11, 40), (39, 40), (38, 99)):
        found = reader.samples(0, start, stop)
        assert [sample.rates for sample in found] == [expected(sample.step) for sample in found]


def test_of_another_branch_nothing(changes, read):
    assert {sample.rates for sample in read().samples(1, 0, 5)} == {()}
