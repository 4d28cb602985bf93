"""The nodes of a sample that ends at a stop, explained while their backward pass runs."""

import math
from base64 import b64decode

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from bptui.debuggee import explaining
from bptui.debuggee.graph import Tracer
from bptui.explain.chain import chain, links
from bptui.loops.linear import linear
from bptui.protocol import Explained, unpack_explanations
from bptui.records import Sample
from tests.debuggee.traced import traced


def explained(loop, skipped=0):
    """The rows of a sample and what is explained of them."""
    rows, tracer = traced(loop, skipped)
    return rows, tracer.explanations


def test_the_lessons_third_sample():
    rows, explanations = explained(linear, skipped=2)
    assert [rows[each.row].name for each in explanations.rows] == ["pow", "sub", "mul"]
    assert [rows[loss].name for loss in explanations.losses] == ["pow"] and not explanations.left_out
    (line,) = chain(rows, links(explanations.rows), 0, explanations.losses[-1]).lines
    assert line == (
        "∂loss/∂weight = ∂loss/∂pow · ∂pow/∂sub · ∂sub/∂mul · ∂mul/∂weight = 1 · 2·(−5.4096) · 1 · 3 = −32.4576"
    )


def test_numbers_are_autograds():
    rows, explanations = explained(linear, skipped=4)
    for each in explanations.rows:
        for source, gradient in zip(each.sources, each.explanation.inputs, strict=True):
            if source is not None:
                assert math.isclose(gradient.value, rows[source].grad.item, rel_tol=1e-6)
                assert gradient.norm == abs(rows[source].grad.item)


def mlp():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Tanh(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for index in range(6):
        inputs, target = torch.randn(5, 4), torch.randint(3, (5,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        yield Sample(0, index, loss.detach())
    yield [each.detach().clone() for each in model.parameters()]


def test_each_row_of_a_model_belongs_to_its_node():
    rows, explanations = explained(mlp)
    assert len(explanations.rows) == sum(row.kind == "op" for row in rows)
    for each in explanations.rows:
        assert rows[each.row].node == each.explanation.node
        assert all(source in rows[each.row].inputs for source in each.sources if source is not None)
        for gradient in each.explanation.inputs:
            assert gradient.error is None or gradient.error < 1e-5


def test_training_is_bitwise_the_same():
    *_, plain = mlp()
    generator, item = mlp(), None
    while not isinstance(item, list):
        with Tracer(explains=lambda: True) as tracer:
            item = next(generator)
    assert tracer.explanations is None and all(map(torch.equal, plain, item))


def dropped_and_computed_again():
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 4))
    return list(
        model.parameters()
    ), lambda: checkpoint(model, torch.randn(3, 4), use_reentrant=False).square().sum()


def through_a_gradient():
    model = nn.Linear(4, 1)

    def loss():
        x = torch.randn(5, 4, requires_grad=True)
        out = model(x).tanh().sum()
        (grad,) = torch.autograd.grad(out, x, create_graph=True)
        return out + (grad.norm(2, dim=1) - 1).pow(2).mean()

    return list(model.parameters()), loss


def in_place():
    weight = torch.randn(4, 4, requires_grad=True)

    def loss():
        x = weight * 2
        x[0] = x[1] * 3
        return x.add_(1).relu_().sum()

    return [weight], loss


def of_sparse_gradients():
    embedding = nn.Embedding(20, 4, sparse=True)
    return list(embedding.parameters()), lambda: embedding(torch.randint(20, (7,))).pow(2).sum()


def trained(make, explains):
    """The weights after three updates, and the next random number."""
    torch.manual_seed(1)
    parameters, loss = make()
    optimizer = torch.optim.SGD(parameters, 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        with Tracer(explains=lambda: explains):
            loss().backward()
        optimizer.step()
    return [*(each.detach() for each in parameters), torch.rand(1)]


@pytest.mark.parametrize("make", [dropped_and_computed_again, through_a_gradient, in_place, of_sparse_gradients])
def test_explaining_changes_no_bit(make):
    assert all(map(torch.equal, trained(make, explains=False), trained(make, explains=True)))


def test_what_the_budget_does_not_reach_is_left_out(monkeypatch):
    monkeypatch.setattr(explaining, "BUDGET", 0.0)
    rows, explanations = explained(mlp)
    assert not explanations.rows
    assert [rows[row].name for row in explanations.left_out][:2] == ["nll_loss", "log_softmax"]


@pytest.mark.parametrize("count", [1, 3])
def test_only_the_sample_that_ends_at_the_stop_is_explained(begin, count):
    debuggee = begin(target="linear")
    debuggee.step(count=count)
    (said,) = debuggee.of(Explained)
    assert said.step == count - 1
    assert len(unpack_explanations(b64decode(said.explanations)).rows) == 3
