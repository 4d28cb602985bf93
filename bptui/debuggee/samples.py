"""What a loop yields → a checked `Sample`."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from bptui.records import Sample

LARGEST_COUNT = 2**53
"""Epochs and indexes travel as doubles, in which every whole number up to here has its place."""

_REQUIRED = tuple(name for name in Sample._fields if name not in Sample._field_defaults)


class BadSample(Exception):
    """A yield of the wrong shape; its text is one line that names the key."""


def as_sample(item: Any) -> Sample:
    """A `Sample` from what the loop yielded: a Sample, or a mapping with the same keys.

    Raises:
        BadSample: It is neither, a key is missing or unknown, or epoch and index are no whole numbers.
    """
    if isinstance(item, Sample):
        sample = item
    elif isinstance(item, Mapping):
        sample = _from_mapping(item)
    else:
        raise BadSample(f"a loop yields bptui.Sample or a mapping with its keys, not a {type(item).__name__}")
    for count in (sample.epoch, sample.index, sample.samples or 0, sample.epochs or 0):
        if type(count) is not int or not 0 <= count < LARGEST_COUNT:
            return _with_whole_counts(sample)
    return sample


def _from_mapping(item: Mapping[Any, Any]) -> Sample:
    for key in _REQUIRED:
        if key not in item:
            raise BadSample(f"key {key!r} is missing: a sample needs {', '.join(_REQUIRED)}")
    for key in item:
        if key not in Sample._fields:
            raise BadSample(f"key {key!r} is none of {', '.join(Sample._fields)}")
    return Sample(**item)


def _with_whole_counts(sample: Sample) -> Sample:
    counts = {key: _whole(key, getattr(sample, key)) for key in ("epoch", "index")}
    declared = {key: getattr(sample, key) for key in ("samples", "epochs")}
    counts |= {key: _whole(key, value) for key, value in declared.items() if value is not None}
    return sample._replace(**counts)


def _whole(key: str, value: Any) -> int:
    try:
        count = operator.index(value)
    except TypeError:
        count = -1
    if not 0 <= count < LARGEST_COUNT:
        raise BadSample(f"key {key!r} must be a whole number from 0, not {value!r}")
    return count
