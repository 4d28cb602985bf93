"""What is found out at a stop on request: finite differences and numbers, without a trace in the training."""

import os
import random
import time
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bptui.debuggee import explaining, kept_calls, study
from bptui.debuggee.graph import Tracer
from bptui.protocol import Ask, Explained, unpack_explanations
from bptui.records import Sample
from tests.debuggee.traced import traced

TRAINING = os.getpid()


class Cube(torch.autograd.Function):
    """y = a³, with the derivative of a²; it counts how often it is called."""

    calls = 0

    @staticmethod
    def forward(ctx, a):
        Cube.calls += 1
        ctx.save_for_backward(a)
        return a**3

    @staticmethod
    def backward(ctx, g):
        (a,) = ctx.saved_tensors
        return g * 2 * a


cube = Cube.apply


def net():
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    Cube.calls = 0
    embedding, first, norm, last = nn.Embedding(7, 4), nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)
    attention = nn.MultiheadAttention(4, 2, dropout=0.2, batch_first=True)
    model = nn.ModuleList([embedding, first, norm, last, attention])
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for index in range(3):
        x = embedding(torch.randint(7, (5, 2)))
        x = x + attention(x, x, x, need_weights=False)[0]
        hidden = nn.functional.dropout(norm(first(x.mean(1))), 0.3).relu_()
        loss = nn.functional.cross_entropy(last(cube(hidden)), torch.randint(3, (5,)))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        yield Sample(0, index, loss.detach() + random.random() + np.random.rand())
    yield [*(each.detach().clone() for each in model.state_dict().values()), torch.tensor(Cube.calls)]


def studied(loop, skipped=0):
    """The rows of a sample and what can be said of them."""
    rows, tracer = traced(loop, skipped)
    return rows, tracer.study


def ops(rows):
    return [at for at, row in enumerate(rows) if row.kind == "op"]


def checked(rows, found, name):
    row = next(at for at in ops(rows) if rows[at].name == name)
    found.answer(row, "check")
    return dict(found.explanations().checks)[row]


def test_a_wrong_function_is_named_and_what_is_right_is_not():
    rows, found = studied(net, skipped=1)
    told = checked(rows, found, "cube")
    assert told.reading.endswith(": wrong") and told.function == "Cube" and told.checked == 30
    assert (
        told.place.path == __file__ and "def backward" in Path(__file__).read_text().splitlines()[told.place.line]
    )
    for name in ("native_batch_norm", "mean", "embedding", "nll_loss"):
        assert "good" in checked(rows, found, name).reading, name
    assert "all that cross_entropy does" in checked(rows, found, "log_softmax").remark
    assert "the function is random" in checked(rows, found, "mul").remark


def test_nothing_of_it_is_left_in_the_training():
    *samples, state = net()
    generator, traced = net(), []
    while True:
        with Tracer(explains=lambda: True) as tracer:
            item = next(generator)
        if isinstance(item, list):
            break
        traced.append(item)
        rows = tracer.graph(item, generator.gi_frame)
        for row in ops(rows)[len(traced) :: 4]:
            tracer.study.answer(row, "numbers")
            if rows[row].name in ("cube", "native_batch_norm", "mul", "relu"):
                tracer.study.answer(row, "check")
    assert [each.loss for each in samples] == [each.loss for each in traced]
    assert all(map(torch.equal, state, item))


def test_numbers_on_request_are_those_of_the_backward_pass(monkeypatch):
    rows, found = studied(net)
    by_hook = {each.row: each.explanation for each in found.explanations().rows}
    monkeypatch.setattr(explaining, "BUDGET", 0.0)
    _, found = studied(net)
    assert not found.explanations().rows and len(found.explanations().left_out) == len(by_hook)
    for row in ops(rows)[::2]:
        found.answer(row, "numbers")
    on_request = found.explanations()
    assert not {each.row for each in on_request.rows} & set(on_request.left_out)
    for each in on_request.rows:
        assert each.explanation == by_hook[each.row]


def test_every_row_has_its_formula(monkeypatch):
    monkeypatch.setattr(explaining, "BUDGET", 0.0)
    rows, found = studied(net)
    forms = {each.node: each for each in found.explanations().forms}
    for row in ops(rows):
        form = forms[rows[row].node]
        assert form.place if form.node == "CubeBackward" else form.signature and form.inputs[0].torch_formula


def in_place():
    weight = torch.ones(3, requires_grad=True)
    middle = weight * 2
    loss = (middle + 1).sum()
    loss.backward()
    with torch.no_grad():
        middle.mul_(3)
        weight -= weight.grad
    yield Sample(0, 0, loss.detach())


def test_what_was_changed_since_is_said():
    rows, found = studied(in_place)
    told = checked(rows, found, "add")
    assert told.reading == "not checked" and "(3) was changed in place since" in told.remark
    assert "good" in checked(rows, found, "mul").reading  # of a weight there is a copy


def square():
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    for index in range(2):
        loss = (a * a).sum() + torch.relu(a - 1).sum()
        loss.backward()
        yield Sample(0, index, loss.detach())


def test_the_same_tensor_twice_and_a_kink():
    rows, found = studied(square)
    assert checked(rows, found, "mul").checked == 4
    told = checked(rows, found, "relu")
    assert told.kinks == 1 and "good" in told.reading
    found.answer(0, "check")  # a parameter
    assert 0 not in dict(found.explanations().checks)


def test_without_memory_it_says_so(monkeypatch):
    monkeypatch.setattr(kept_calls, "HELD", 0)
    rows, found = studied(square)
    assert "no memory" in checked(rows, found, "sum").remark
    assert "not known" in checked(rows, found, "mul").remark


class Lazy(torch.autograd.Function):
    """Never comes back, if it is called a second time."""

    @staticmethod
    def forward(ctx, a):
        if os.getpid() != TRAINING:
            time.sleep(1000)
        return a * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


class Deadly(Lazy):
    """Kills its process instead."""

    @staticmethod
    def forward(ctx, a):
        if os.getpid() != TRAINING:
            os.kill(os.getpid(), 9)
        return a * 2


@pytest.mark.parametrize(("function", "why"), [(Lazy, "longer than"), (Deadly, "died")])
def test_it_never_hangs(monkeypatch, function, why):
    def loop():
        loss = function.apply(torch.ones(2, requires_grad=True)).sum()
        loss.backward()
        yield Sample(0, 0, loss.detach())

    monkeypatch.setattr(study, "PATIENCE", 0.3 if function is Lazy else 60.0)
    rows, found = studied(loop)
    told = checked(rows, found, function.__name__.lower())
    assert told.reading == "not checked" and why in told.remark and told.place.path == __file__


def test_with_several_threads():
    """OpenMP's threads are not in a forked copy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:

        def loop():
            a = torch.randn(300, 300, requires_grad=True)
            loss = (a @ a).sum()
            loss.backward()
            yield Sample(0, 0, loss.detach())

        rows, found = studied(loop)
        assert checked(rows, found, "mm").error is not None
    finally:
        torch.set_num_threads(threads)


def test_at_a_stop_inside(begin):
    def latest(event):
        return unpack_explanations(b64decode(event.explanations))

    debuggee = begin(target="linear")
    debuggee.step("phase")
    debuggee.step("phase")
    debuggee.step("op")  # the second node of the backward pass
    said = latest(debuggee.of(Explained)[-1])
    assert [each.explanation.op for each in said.rows] == ["pow", "sub"] and len(said.forms) == 3
    mul = 2
    debuggee.send(Ask(0, mul, "numbers"))
    (told,) = [each.explanation for each in latest(debuggee.until(Explained)).rows if each.row == mul]
    assert "no gradient has come here yet" in told.remark and "other = 1" in told.saved
    debuggee.send(Ask(0, mul, "check"))
    assert "no gradient has come here yet" in dict(latest(debuggee.until(Explained)).checks)[mul].remark
    debuggee.step("op")
    said = latest(debuggee.of(Explained)[-1])
    assert [each.explanation.op for each in said.rows] == ["pow", "sub", "mul"]
    assert not said.rows[-1].explanation.saved
    debuggee.send(Ask(0, mul, "check"))
    assert "good" in dict(latest(debuggee.until(Explained)).checks)[mul].reading
