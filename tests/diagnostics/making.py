"""Recordings with a fault, or without one, made without a training."""

import base64
import math
from array import array

from bptui.diagnostics import Diagnosis, read_limits
from bptui.protocol import ABSENT, GraphTraced, Noticed, ParameterSamples, ParametersSeen, pack_graph, to_json
from bptui.recording.reader import Reader
from bptui.recording.writer import Writer
from bptui.records import Node, Parameter, Target, TensorSummary

from ..recording.making import batch, layout

NAN = math.nan


class Run:
    """A training, sample by sample; of what is not said it has nothing."""

    def __init__(self, path, is_loop=False):
        self.path, self.writer, self.is_loop = path, Writer(path), is_loop
        self.begin()
        target = Target("train.py", "a test", "/x/train.py", 1, {}, "3.11.0", "2.0.0" if is_loop else "")
        self.writer.describe({"target": to_json(target)})

    def begin(self):
        self.writer.begin_branch("start")
        self.writer.layout(0, layout("loss", "grad"))
        self.writer.layout(1, layout("loss", "grad", "update_number"))
        self._known = ()

    def sample(self, loss=1.0, grad=1.0, update_number=None, **parameters):
        """A sample; of each parameter its shape, and the norms of weight, gradient and update."""
        step = self.writer.steps
        if parameters:
            known = tuple(Parameter(name, shape, "float32", "cpu") for name, (shape, *_) in parameters.items())
            if known != self._known:
                self._known = known
                self.writer.parameters(ParametersSeen(0, known))
            numbers = [ABSENT if n is None else n for _, *three in parameters.values() for n in three]
            blob = base64.b64encode(array("d", numbers)).decode()
            self.writer.parameter_samples(ParameterSamples(0, (step,), blob))
        values = {"loss": loss, "grad": grad}
        has_number = update_number is not None
        values |= {"update_number": update_number} if has_number else {}
        self.writer.samples(batch(step, int(has_number), [(0, step, values)]))
        return self

    def traced(self, *nodes, loss=1.0, grad=1.0):
        """A sample and its graph."""
        packed = base64.b64encode(pack_graph(nodes)).decode()
        self.writer.graph(GraphTraced(self.writer.steps, packed))
        return self.sample(loss, grad)

    def noticed(self, about, *subjects):
        """What the debuggee says before the sample that comes next."""
        self.writer.noticed(Noticed(self.writer.steps, about, subjects))
        return self

    def diagnosis(self, preset="relative", branch=0, **limits):
        """Not begun yet; `limits` are those that are other than in the preset, by rule."""
        self.writer.commit()
        every = {rule: dict(table) for rule, table in read_limits(preset).items()}
        for rule, table in limits.items():
            every[rule.replace("_", "-")] |= table
        return Diagnosis(Reader(self.path), branch, every)

    def findings(self, preset="relative", **limits):
        diagnosis = self.diagnosis(preset, **limits)
        assert diagnosis.follow(self.writer.steps)
        return diagnosis.findings


def summary(values, shape=None, zeros=None):
    """Of a tensor of which these values are kept."""
    shape = (len(values),) if shape is None else shape
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (None, None)
    nans, infs = sum(map(math.isnan, values)), sum(map(math.isinf, values))
    zeros = values.count(0) if zeros is None else zeros
    norm = math.hypot(*finite) * math.sqrt(math.prod(shape) / max(len(finite), 1))
    return TensorSummary(shape, "float32", "cpu", low, high, 0.0, 1.0, norm, zeros, nans, infs, 0, tuple(values))


def weight(name, values, grad):
    """The row of a parameter."""
    shape = (2, len(values) // 2)
    return Node(name, "parameter", (), summary(values, shape), summary(grad, shape))


def op(name, inputs, values, module="", **more):
    """The row of an op."""
    return Node(
        name, "op", inputs, summary(values, **more), summary([1.0]), node=f"{name}Backward0", module=module
    )
