"""What the names of a condition stand for."""

from array import array

import torch

from bptui.debuggee.conditions import Conditions
from bptui.debuggee.quantities import Quantities
from bptui.records import Layout, Parameter, Sample


def test_another_model_of_the_same_shape_is_another():
    quantities, conditions = Quantities(), Conditions(print)
    parameters = (Parameter("model.weight", (2,), "float32", "cpu"),)
    for step, value in enumerate((1.0, 5.0), 1):
        quantities.measure(step, array("d", (value, 0.0, 0.0)))
        quantities.know(parameters, [torch.full((2,), value)], conditions)
        quantities.see(step, Sample(0, step, 1.0), (0.0,) * 11, Layout({}), None)
        assert quantities["param"]("weight").tolist() == [value, value]
