"""The table of parameters, and their norms before, at and after an update."""

import math
import sys
from array import array

import pytest
import torch
from torch import nn

from bptui.debuggee.parameter_batches import MOST_SETS, ParameterBatches
from bptui.debuggee.parameter_stats import ParameterStatistics
from bptui.debuggee.parameter_table import ParameterTable
from bptui.debuggee.parameters import leaves_under
from bptui.protocol import ABSENT, Found, ParametersSeen


def names(table):
    return [parameter.name for parameter in table.parameters]


def reach(table, loss):
    return table.reach(leaves_under([loss]), sys._getframe(1))


def test_a_module_in_the_order_of_its_definition_with_what_is_frozen():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    model[0].weight.requires_grad_(False)
    table = ParameterTable()
    places = reach(table, model(torch.ones(1, 2)).sum())
    assert names(table) == ["model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias"]
    assert [parameter.is_frozen for parameter in table.parameters] == [True, False, False, False]
    assert sorted(places) == [1, 2, 3]
    before = table.parameters
    reach(table, model(torch.ones(1, 2)).sum())
    assert table.parameters is before
    model[0].weight.requires_grad_(True)
    reach(table, model(torch.ones(1, 2)).sum())
    assert not table.parameters[0].is_frozen


def test_parts_of_a_model_have_its_name_and_shared_ones_their_first():
    encoder, decoder = nn.Linear(2, 2), nn.Linear(2, 2, bias=False)
    decoder.weight = encoder.weight
    model = nn.Sequential(encoder, decoder, nn.Linear(2, 1, bias=False))
    other = nn.Linear(2, 1)
    table = ParameterTable()
    reach(table, model(torch.ones(1, 2)).sum())
    assert names(table) == ["model.0.weight", "model.0.bias", "model.2.weight"]
    assert other.weight is not None


def test_leaves_without_a_module_in_the_order_of_use():
    first, last = torch.ones(2, requires_grad=True), [torch.ones(2, requires_grad=True)]
    table = ParameterTable()
    reach(table, ((first * 2) * last[0] * torch.ones(2, requires_grad=True)).sum())
    assert names(table) == ["first", "last[0]", ""]
    assert [parameter.shape for parameter in table.parameters] == [(2,)] * 3


def test_two_that_are_trained_by_turns_and_one_that_is_gone():
    actor, critic = nn.Linear(2, 1), nn.Linear(2, 1)
    parameters_of = out_of_sight()
    assert [each.name for each in parameters_of(actor(torch.ones(1, 2)).sum())] == ["actor.weight", "actor.bias"]
    both = parameters_of(critic(torch.ones(1, 2)).sum())
    assert {each.name.partition(".")[0] for each in both} == {"actor", "critic"}
    assert parameters_of(actor(torch.ones(1, 2)).sum()) is both
    actor = nn.Linear(3, 1)
    assert sorted(each.shape for each in parameters_of(actor(torch.ones(1, 3)).sum())) == [
        (1,), (1,), (1, 2), (1, 3),
    ]  # fmt: skip


def out_of_sight():
    """A table that is no variable of the test's, in which it would itself be a place of parameters."""
    table = ParameterTable()

    def parameters_of(loss):
        table.reach(leaves_under([loss]), sys._getframe(1))
        return table.parameters

    return parameters_of


class Sample:
    """A sample measured as the hooks do it."""

    def __init__(self):
        self.statistics = ParameterStatistics()
        self.frame = sys._getframe(1)

    def backward(self, loss):
        leaves = leaves_under([loss])
        if self.statistics.is_measuring:
            self.statistics.widen(leaves, self.frame)
        else:
            self.statistics.begin(leaves, True, self.frame)
        loss.backward()
        self.statistics.note_grads()

    def step(self, optimizer):
        self.statistics.before_update(optimizer)
        optimizer.step()
        self.statistics.after_update(optimizer)

    def finish(self):
        parameters, numbers, _ = self.statistics.finish()
        rows = [tuple(None if x == ABSENT else x for x in numbers[i : i + 3]) for i in range(0, len(numbers), 3)]
        return {parameter.name: row for parameter, row in zip(parameters, rows, strict=True)}


def test_norms_of_weight_gradient_and_update():
    weight, unused = torch.tensor([3.0, 4.0], requires_grad=True), torch.ones(1, requires_grad=True)
    model = nn.ParameterList([weight, unused])
    sample = Sample()
    sample.backward((weight * torch.tensor([3.0, 4.0])).sum())
    weight.data -= weight.grad
    weight.grad.zero_()
    found = sample.finish()
    assert found == {"weight": (0.0, 5.0, 5.0)} or found == {
        "model.0": (0.0, 5.0, 5.0),
        "model.1": (1.0, None, 0.0),
    }
    assert model is not None
    assert not sample.statistics.is_measuring


def test_the_gradient_is_that_which_the_update_used():
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], 1.0)
    sample = Sample()
    sample.backward(weight.sum())
    sample.backward(weight.sum())
    weight.grad.clamp_(max=0.5)
    sample.step(optimizer)
    sample.backward(weight.sum())  # that of another network, whose optimizer does not know this weight
    assert sample.finish() == {"weight": (0.5, 0.5, 0.5)}


def test_a_closure_is_followed_to_its_last_gradient():
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], 0.0)
    sample = Sample()
    for factor in (1.0, 2.0):

        def closure(factor=factor):
            weight.grad = None
            sample.backward((weight * factor).sum())

        sample.statistics.before_update(optimizer)
        optimizer.step(closure)
        sample.statistics.after_update(optimizer)
    assert sample.finish() == {"weight": (1.0, 2.0, 0.0)}


@pytest.mark.filterwarnings("ignore:.*quantize:UserWarning")
def test_odd_parameters():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.imaginary = nn.Parameter(torch.tensor([3 + 4j], dtype=torch.complex128))
            self.short = nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
            self.empty = nn.Parameter(torch.zeros(0))
            self.float8 = nn.Parameter(torch.ones(4).to(torch.float8_e4m3fn), requires_grad=False)
            self.int8 = nn.Parameter(torch.quantize_per_tensor(torch.ones(4), 0.5, 0, torch.qint8), False)
            self.meta = nn.Parameter(torch.ones(3, device="meta"))
            self.nan = nn.Parameter(torch.tensor([math.nan]))
            self.embedding = nn.Embedding(4, 1, sparse=True, dtype=torch.float64)

    odd = Odd()
    odd.embedding.weight.data.fill_(1.0)
    sample = Sample()
    loss = odd.embedding(torch.tensor([2, 2])).sum() + odd.short.sum() + odd.empty.sum() + odd.nan.sum()
    sample.backward(loss + (odd.imaginary.abs() * 2).sum())
    with torch.no_grad():
        odd.short -= odd.short.grad
        odd.imaginary += 1j
    assert repr(sample.finish()) == repr({
        "odd.imaginary": (math.sqrt(34.0), 2.0, 1.0), "odd.short": (0.0, 2.0, 2.0), "odd.empty": (0.0, 0.0, 0.0),
        "odd.float8": (2.0, None, None), "odd.int8": (2.0, None, None), "odd.meta": (None, None, None),
        "odd.nan": (math.nan, 1.0, math.nan), "odd.embedding.weight": (2.0, 2.0, 0.0),
    })  # fmt: skip


def test_a_set_is_announced_once_and_not_too_many_are():
    batches = ParameterBatches()
    weight = torch.ones(1, requires_grad=True)
    for step in range(MOST_SETS + 10):
        weight.data = torch.ones(step + 1)
        table = ParameterTable()
        reach(table, weight.sum())
        for each in range(2):
            batches.add(2 * step + each, table.parameters, _numbers(), True)
    told, *messages = batches.messages()
    assert isinstance(told, Found)
    assert "more than 64 times" in told.facts["measured"]
    seen = [message for message in messages if isinstance(message, ParametersSeen)]
    assert [message.id for message in seen] == list(range(MOST_SETS))
    assert sum(len(message.steps) for message in messages[len(seen) :]) == 2 * MOST_SETS
    assert list(batches.messages()) == []


def _numbers():
    return array("d", [1.0, 2.0, 3.0])


def test_what_is_not_due_is_sent_only_where_the_training_stops():
    batches = ParameterBatches()
    for step, is_due in enumerate([False, True, False, False]):
        batches.add(step, (), _numbers(), is_due)
    _, samples = batches.messages()
    assert samples.steps == (1, 3)


def test_many_small_parameters_of_which_some_are_frozen_changed_by_hand_or_another_shape_since():
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(20)))
    model[3].weight.requires_grad_(False)
    weights = {f"model.{name}": param for name, param in model.named_parameters()}
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    sample = Sample()
    sample.backward(model[:2](torch.ones(1, 2)).sum())
    sample.step(torch.optim.SGD(model[:2].parameters(), 0.1))
    weights["model.9.bias"].data += 1.0  # which no version tells
    for name, (weight, grad, update) in (found := sample.finish()).items():
        now = weights[name].detach()
        assert weight == pytest.approx(now.norm().item(), rel=1e-6)
        assert (grad is None) == (name.split(".")[1] not in "01")
        assert update == (None if name == "model.3.weight" else pytest.approx((now - before[name]).norm().item()))
    assert list(found) == list(weights)
    sample.backward(model[:2](torch.ones(1, 2)).sum())
    weights["model.9.bias"].data = torch.zeros(3)
    after = sample.finish()
    assert after["model.9.bias"] == (0.0, None, None)
    assert after["model.0.bias"][0] == found["model.0.bias"][0]
