"""Learning rates are said as a sample used them, and only where they have changed."""

import gc

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bptui.debuggee.learning_rates import LearningRates


def param():
    return torch.nn.Parameter(torch.zeros(2))


@pytest.fixture
def rates():
    return LearningRates()


class Counting(TorchDispatchMode):
    """Remembers every op that is run."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls.append(func)
        return func(*args, **(kwargs or {}))


def said(seen):
    return None if seen is None else [(each.optimizer, *each.rates) for each in seen.optimizers]


def sample(rates, step, *optimizers):
    for optimizer in optimizers:
        rates.note(optimizer)
    return said(rates.changed(step))


def test_only_changes(rates):
    opt = torch.optim.SGD([{"params": [param()]}, {"params": [param()], "lr": 0.01}], 0.1)
    assert sample(rates, 0, opt) == [("SGD", 0.1, 0.01)]
    assert sample(rates, 1, opt) is None
    assert sample(rates, 2) is None
    rates.note(opt)
    opt.param_groups[1]["lr"] = 0.001  # by a schedule, after the step
    assert rates.changed(3) is None
    assert sample(rates, 4, opt) == [("SGD", 0.1, 0.001)]
    opt.add_param_group({"params": [param()], "lr": 1})
    assert sample(rates, 5, opt) == [("SGD", 0.1, 0.001, 1.0)]


def test_those_that_made_a_step(rates):
    one, other = torch.optim.Adam([param()], 0.1), torch.optim.Adam([param()], 0.1)
    assert sample(rates, 0, one, other) == [("Adam", 0.1), ("Adam#2", 0.1)]
    assert sample(rates, 1, other) == [("Adam#2", 0.1)]
    assert sample(rates, 2, one, one, other) == [("Adam", 0.1), ("Adam#2", 0.1)]


def test_a_new_optimizer_each_time_is_the_same_to_the_reader(rates):
    assert sample(rates, 0, torch.optim.SGD([param()], 0.1)) == [("SGD", 0.1)]
    for step in range(1, 4):
        gc.collect()
        assert sample(rates, step, torch.optim.SGD([param()], 0.1)) is None


def test_a_tensor_that_is_written_into(rates):
    lr = torch.tensor(0.5, dtype=torch.float64)
    opt = torch.optim.Adam([param()], lr)
    rates.note(opt)
    lr.fill_(0.25)
    assert said(rates.changed(0)) == [("Adam", 0.5)]
    assert sample(rates, 1, opt) == [("Adam", 0.25)]
    assert sample(rates, 2, opt) is None
    opt.param_groups[0]["lr"] = torch.tensor(0.25)  # another tensor of the same value
    assert sample(rates, 3, opt) is None


def test_a_tensor_that_has_not_changed_is_not_read(rates):
    opt = torch.optim.Adam([param()], torch.tensor(0.5))
    sample(rates, 0, opt)
    with Counting() as ops:
        assert [sample(rates, step, opt) for step in range(1, 4)] == [None] * 3
    assert ops.calls == []


def test_what_is_no_number(rates):
    opt = torch.optim.SGD([param()], 0.1)
    opt.param_groups[0]["lr"] = None
    assert sample(rates, 0, opt) is None
    opt.add_param_group({"params": [param()], "lr": 0.2})
    assert sample(rates, 1, opt) == [("SGD", None, 0.2)]
    del opt.param_groups[1]["lr"]
    opt.param_groups[0]["lr"] = "fast"
    assert sample(rates, 2, opt) is None
