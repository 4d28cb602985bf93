"""What a run is made of."""

import math

import pytest

from bptui.records import EXACT, KEPT, QUANTITIES, Kind, Sample, TensorSummary

ONE = Kind((1, 1), "float32", "cpu")


def test_every_quantity_is_a_field_of_a_sample():
    assert set(QUANTITIES) == set(Sample._fields) - {"epoch", "index", "samples", "epochs"}
    assert EXACT <= KEPT


def test_a_sample_needs_little_and_does_not_change():
    sample = Sample(epoch=0, index=1, loss=2.0)
    assert sample == Sample(0, 1, 2.0, None, None)
    with pytest.raises(AttributeError):
        sample.loss = 3.0


@pytest.mark.parametrize(("value", "norm", "zeros"), [(-2.5, 2.5, 0), (0.0, 0.0, 1), (-0.0, 0.0, 1), (7, 7, 0)])
def test_the_summary_of_one_finite_element(value, norm, zeros):
    summary = TensorSummary.of_one(value, ONE)
    assert summary.min == summary.max == summary.mean == summary.item == value
    assert (summary.std, summary.norm, summary.zeros, summary.nonfinite) == (0.0, norm, zeros, 0)
    assert summary.is_exact and summary.numel == 1 and ONE.is_one


@pytest.mark.parametrize(
    ("value", "counts"), [(math.nan, (1, 0, 0)), (math.inf, (0, 1, 0)), (-math.inf, (0, 0, 1))]
)
def test_the_summary_of_one_element_that_is_not_finite(value, counts):
    summary = TensorSummary.of_one(value, ONE)
    assert (summary.min, summary.mean, summary.std, summary.norm) == (None, None, None, None)
    assert (summary.nans, summary.pos_infs, summary.neg_infs) == counts
    assert summary.nonfinite == 1 and repr(summary.item) == repr(value)


@pytest.mark.parametrize(
    ("shape", "values", "item", "exact"),
    [
        ((2, 3), (1.0,) * 6, None, True),
        ((17,), (1.0,) * 17, None, False),
        ((0, 4), (), None, True),
        ((1,), (), None, True),
    ],
)
def test_the_item_of_a_summary(shape, values, item, exact):
    summary = TensorSummary(shape, "float32", "cpu", None, None, None, None, None, 0, 0, 0, 0, values)
    assert summary.item == item and summary.is_exact == exact
