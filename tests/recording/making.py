"""Recordings made without a training."""

import base64
import math
from array import array

from bptui.protocol import Samples, to_json
from bptui.records import QUANTITIES, Kind, Layout, Place, TensorSummary

NUMBER = Kind((), "float32", "cpu")


def layout(*names, samples=None, epochs=None, kind=NUMBER):
    """A layout in which these quantities are numbers."""
    return Layout(dict.fromkeys(names, kind), Place("loop.py", 7), samples, epochs)


def batch(first, layout_id, rows, tensors=()):
    """Samples as the debuggee sends them: rows of (epoch, index, {quantity: number})."""
    numbers = array("d")
    for epoch, index, values in rows:
        numbers.extend([epoch, index, *(values.get(name, 0.0) for name in QUANTITIES)])
    return Samples(first, layout_id, base64.b64encode(numbers).decode(), tuple(tensors))


def losses(first, values, per_epoch=10):
    """A batch of samples that have a loss only, of layout 0."""
    rows = [(step // per_epoch, step % per_epoch, {"loss": value}) for step, value in enumerate(values, first)]
    return batch(first, 0, rows)


def tensor(step, name, summary):
    """A tensor beside a batch."""
    return (step, name, to_json(summary))


def summary(values, shape=None, dtype="float32"):
    """A summary with these values, whose statistics are made up."""
    nans = sum(map(math.isnan, values))
    shape = (len(values),) if shape is None else shape
    return TensorSummary(shape, dtype, "cpu", -1.5, math.inf, 0.25, 1.0, 2.5, 3, nans, 1, 2, tuple(values))


def alike(one, other):
    """Whether two numbers are the same double; every NaN is the same one."""
    return repr(one) == repr(other)
