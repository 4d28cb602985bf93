"""What a loop may yield, and what is said of what it may not."""

import types

import numpy as np
import pytest
import torch

from bptui.debuggee.samples import BadSample, as_sample
from bptui.records import Sample


def test_a_sample_is_itself():
    sample = Sample(epoch=1, index=2, loss=3.0)
    assert as_sample(sample) is sample


@pytest.mark.parametrize("wrap", [dict, types.MappingProxyType])
def test_a_mapping_with_the_same_keys(wrap):
    assert as_sample(wrap({"epoch": 1, "index": 2, "loss": 3.0, "grad": 4.0})) == Sample(1, 2, 3.0, grad=4.0)


@pytest.mark.parametrize("whole", [np.int64, np.uint8, torch.tensor, lambda value: np.array(value), bool])
def test_counts_of_any_whole_kind_become_ints(whole):
    sample = as_sample(Sample(epoch=whole(1), index=whole(0), loss=0.0, samples=whole(1), epochs=whole(1)))
    assert [type(count) for count in (sample.epoch, sample.index, sample.samples, sample.epochs)] == [int] * 4
    assert (sample.epoch, sample.index, sample.samples, sample.epochs) == (1, 0, 1, 1)


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (3.0, "a loop yields bptui.Sample or a mapping with its keys, not a float"),
        (None, "a loop yields bptui.Sample or a mapping with its keys, not a NoneType"),
        ((0, 0, 1.0), "a loop yields bptui.Sample or a mapping with its keys, not a tuple"),
        ({"epoch": 0, "index": 0}, "key 'loss' is missing: a sample needs epoch, index, loss"),
        ({}, "key 'epoch' is missing: a sample needs epoch, index, loss"),
        (
            {"epoch": 0, "index": 0, "loss": 1, "gradient": 2},
            "key 'gradient' is none of epoch, index, loss, input",
        ),
        ({"epoch": 0, "index": 0, "loss": 1, 7: 2}, "key 7 is none of epoch, index, loss, input"),
        (Sample(0.5, 0, 1.0), "key 'epoch' must be a whole number from 0, not 0.5"),
        (Sample(0, -1, 1.0), "key 'index' must be a whole number from 0, not -1"),
        (Sample(0, "1", 1.0), "key 'index' must be a whole number from 0, not '1'"),
        (Sample(0, None, 1.0), "key 'index' must be a whole number from 0, not None"),
        (Sample(2**60, 0, 1.0), "key 'epoch' must be a whole number from 0, not 1152921504606846976"),
        (Sample(0, 0, 1.0, samples="9"), "key 'samples' must be a whole number from 0, not '9'"),
        (Sample(0, 0, 1.0, epochs=-3), "key 'epochs' must be a whole number from 0, not -3"),
    ],
)
def test_a_yield_of_the_wrong_shape_is_a_line_that_names_the_key(item, line):
    with pytest.raises(BadSample) as refused:
        as_sample(item)
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)
