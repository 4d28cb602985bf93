"""The rows of a traced sample: their order, names, values and gradients against autograd's own."""

import gc
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bptui.debuggee import graph as graph_module
from bptui.debuggee.graph import UNNAMED, Tracer, op_name
from bptui.debuggee.ops import OpTagger
from bptui.loops.linear import linear
from bptui.records import Sample


def trace(loop):
    """The rows of the first sample of a loop, which may yield its loss alone."""
    generator = loop()
    with Tracer() as tracer:
        sample = next(generator)
    sample = sample if isinstance(sample, Sample) else Sample(epoch=0, index=0, loss=sample)
    rows = tracer.graph(sample, generator.gi_frame)
    for number, row in enumerate(rows):
        assert all(source < number for source in row.inputs)
    return rows


def named(rows):
    return {row.name: row for row in rows}


def shapes(rows):
    return [(row.name, row.kind, row.inputs) for row in rows]


@pytest.fixture
def lesson():
    """The rows of the lesson's second sample."""
    generator = linear()
    next(generator)
    with Tracer() as tracer:
        sample = next(generator)
    return tracer.graph(sample, generator.gi_frame)


def test_the_lesson_in_order(lesson):
    assert shapes(lesson) == [
        ("weight", "parameter", ()),
        ("training_x", "input", ()),
        ("mul", "op", (0, 1)),
        ("training_y", "input", ()),
        ("sub", "op", (2, 3)),
        ("pow", "op", (4,)),
    ]


def test_the_lessons_values_are_those_before_the_update(lesson):
    assert [row.value.item for row in lesson] == [
        1.0399999618530273, 2.0, 2.0799999237060547, 6.0, -3.9200000762939453, 15.366400718688965,
    ]  # fmt: skip


def test_the_lessons_gradients(lesson):
    assert [row.grad and row.grad.item for row in lesson] == [
        -15.680000305175781, None, -7.840000152587891, None, -7.840000152587891, 1.0,
    ]  # fmt: skip


def test_the_lessons_places_and_nodes(lesson):
    path = inspect.getsourcefile(linear)
    lines = Path(path).read_text().splitlines()
    assert [row.place.path for row in lesson if row.kind == "op"] == [path] * 3
    assert "input_x * self.weight" in lines[lesson[2].place.line - 1]
    assert "** 2" in lines[lesson[5].place.line - 1]
    assert lesson[5].node == "PowBackward0" and lesson[1].node == "" and lesson[1].place is None


def test_gradients_of_a_network_against_autograd():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    data, seen = torch.randn(5, 3), {}

    def train():
        hidden = model[1](model[0](data))
        output = model[2](hidden)
        loss = (output**2).mean()
        loss.backward()
        seen.update(hidden=hidden, output=output, loss=loss)
        yield Sample(epoch=0, index=0, input=data, loss=loss)

    rows = named(trace(train))
    hidden, output, loss = (seen[name].detach() for name in ("hidden", "output", "loss"))
    assert rows["tanh"].value.norm == pytest.approx(hidden.double().norm().item())
    assert rows["mean"].value.item == loss.item()
    # By hand: ∂mean(o²)/∂o = 2o/n, then through the last layer, then through tanh.
    of_output = 2 * output / output.numel()
    of_hidden = of_output @ model[2].weight.detach()
    assert rows["pow"].grad.norm == pytest.approx(1 / np.sqrt(output.numel()))
    assert rows["tanh"].grad.norm == pytest.approx(of_hidden.double().norm().item(), rel=1e-6)
    for name, parameter in model.named_parameters():
        assert rows[f"model.{name}"].grad.norm == pytest.approx(parameter.grad.double().norm().item(), rel=1e-6)
        assert rows[f"model.{name}"].kind == "parameter" and rows[f"model.{name}"].value.shape == parameter.shape
    assert rows["data"].kind == "input"


def test_a_shared_weight_is_one_row_with_its_whole_gradient():
    weight = torch.tensor([3.0], requires_grad=True)

    def train():
        loss = weight * weight + weight
        loss.backward()
        yield Sample(epoch=0, index=0, loss=loss, weight=weight)

    rows = trace(train)
    assert shapes(rows) == [("weight", "parameter", ()), ("mul", "op", (0,)), ("add", "op", (1, 0))]
    assert rows[0].grad.item == 7.0


def test_tensors_of_data_are_inputs_and_constants_are_not():
    weight = torch.ones(2, requires_grad=True)

    def train():
        offset = torch.ones(2)
        loss = ((weight * 3 + offset) * np.float64(2.0) + 0.5).sum()
        loss.backward()
        yield loss

    rows = trace(train)
    assert [row.name for row in rows] == ["weight", "mul", "offset", "add", "mul", "add", "sum"]
    assert rows[2].kind == "input" and rows[2].value.values == (1.0, 1.0)


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x**2


def test_a_function_of_ones_own():
    weight = torch.tensor(2.0, requires_grad=True)

    def train():
        loss = Cube.apply(weight) * 2
        loss.backward()
        yield loss

    rows = trace(train)
    assert [(row.name, row.node) for row in rows[1:]] == [("cube", "CubeBackward"), ("mul", "MulBackward0")]
    assert rows[1].value.item == 8.0 and rows[1].grad.item == 2.0
    assert rows[0].grad.item == weight.grad.item() == 24.0
    assert rows[2].place.path == __file__


def test_a_function_of_ones_own_as_the_loss():
    weight = torch.tensor(2.0, requires_grad=True)

    def train():
        loss = Cube.apply(weight)
        loss.backward()
        yield loss

    assert named(trace(train))["cube"].value.item == 8.0


def test_a_leaf_that_has_no_name():
    def train():
        (torch.ones(1, requires_grad=True) * 2).backward()
        yield 0.0

    assert trace(train)[0].name == UNNAMED


def test_several_backward_passes():
    one, other = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)

    def train():
        first = one * 2
        first.backward()
        second = other * 5
        second.backward()
        yield second

    rows = trace(train)
    assert shapes(rows) == [
        ("one", "parameter", ()), ("mul", "op", (0,)), ("other", "parameter", ()), ("mul", "op", (2,)),
    ]  # fmt: skip
    assert [row.grad.item for row in rows] == [2.0, 1.0, 5.0, 1.0]


def test_a_gradient_of_a_gradient():
    x = torch.tensor(2.0, requires_grad=True)

    def train():
        y = x**3
        (slope,) = torch.autograd.grad(y, x, create_graph=True)
        loss = slope**2
        loss.backward()
        yield loss

    rows = trace(train)
    assert x.grad.item() == 2 * 12 * 12.0
    assert rows[-1].name == "pow" and rows[-1].value.item == 144.0 and rows[-1].grad.item == 1.0
    assert rows[0].value.item == 2.0


def test_backward_of_several_tensors_and_by_edge():
    weight = torch.ones(1, requires_grad=True)

    def train():
        one, other = weight * 2, weight * 3
        torch.autograd.backward([one, other])
        again = weight * 4
        torch.autograd.grad(torch.autograd.graph.get_gradient_edge(again), weight, torch.ones(1))
        yield one

    rows = trace(train)
    assert [row.name for row in rows] == ["weight", "mul", "mul", "mul"]
    assert weight.grad.item() == 5.0


def test_a_sample_without_a_backward_pass_has_no_rows():
    def train():
        yield torch.ones(1)

    assert trace(train) == ()


def test_ops_in_place_and_views():
    weight = torch.ones(4, requires_grad=True)

    def train():
        hidden = weight * 2
        hidden.add_(1)
        half = hidden.view(2, 2)[0]
        loss = half.relu_().sum()
        loss.backward()
        yield loss

    rows = trace(train)
    assert weight.grad.tolist() == [2, 2, 0, 0]
    assert {"mul", "add", "sum"} <= {row.name for row in rows}
    assert named(rows)["sum"].value.item == 6.0


def test_what_an_error_leaves_behind():
    def train():
        yield 1 / 0

    generator, before = train(), torch.autograd._engine_run_backward
    with pytest.raises(ZeroDivisionError), Tracer():
        next(generator)
    assert torch.autograd._engine_run_backward is before
    assert torch._C._len_torch_function_stack() == 0


class Mode(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def test_modes_that_the_loop_enters_and_leaves_while_traced():
    def loop():
        with Mode():
            yield Sample(0, 0, 0.0)
            yield Sample(0, 1, 0.0)
        yield Sample(0, 2, 0.0)
        yield Sample(0, 3, 0.0)

    depths = []
    generator = loop()
    for _ in range(4):
        with Tracer():
            next(generator)
        depths.append(torch._C._len_torch_function_stack())
    assert depths == [1, 1, 0, 0]


def test_a_default_device_that_the_loop_sets_stays():
    def loop():
        torch.set_default_device("meta")
        yield Sample(0, 0, 0.0)
        yield Sample(0, 1, torch.ones(1))

    generator = loop()
    try:
        with Tracer():
            next(generator)
        assert torch.ones(1).is_meta
        assert not any(isinstance(torch._C._get_function_stack_at(i), OpTagger) for i in range(_depth()))
        assert next(generator).loss.is_meta
    finally:
        torch.set_default_device(None)
    assert _depth() == 0


def _depth():
    return torch._C._len_torch_function_stack()


def test_of_a_huge_graph_the_nodes_nearest_the_loss_are_kept(monkeypatch):
    monkeypatch.setattr(graph_module, "LARGEST_GRAPH", 10)
    weight = torch.ones(1, requires_grad=True)

    def train():
        left, right = weight, weight
        for _ in range(50):
            left, right = left * 2, right + 1
        loss = left - right
        loss.backward()
        yield loss

    rows = trace(train)
    names = [row.name for row in rows]
    assert names[-1] == "sub" and len(names) == 10
    assert {names.count("mul"), names.count("add")} == {4, 5}


@pytest.mark.parametrize(
    ("node", "op"),
    [
        ("MulBackward0", "mul"), ("PowBackward1", "pow"), ("NllLossBackward0", "nll_loss"),
        ("NativeBatchNormBackward0", "native_batch_norm"), ("CubeBackward", "cube"), ("TBackward0", "t"),
    ],
)  # fmt: skip
def test_the_op_of_a_node(node, op):
    assert op_name(node) == op


def test_a_tracer_does_not_change_a_number():
    def bits(traced):
        torch.manual_seed(1)
        network = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 1))
        optimizer = torch.optim.Adam(network.parameters())

        def loop():
            for index in range(20):
                optimizer.zero_grad()
                loss = (network(torch.randn(8, 10)) ** 2).mean()
                loss.backward()
                optimizer.step()
                yield Sample(0, index, loss)

        generator = loop()
        found = []
        for _ in range(20):
            if traced:
                with Tracer() as tracer:
                    sample = next(generator)
                assert tracer.graph(sample, generator.gi_frame)
            else:
                sample = next(generator)
            found.append(sample.loss.item().hex())
        return found

    assert bits(True) == bits(False)


def test_a_tracer_does_not_change_a_number_of_a_validation():
    """nn.TransformerEncoder has a way of its own for eval(), which it does not go if it sees a mode."""
    torch.manual_seed(1)
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    encoder, x = nn.TransformerEncoder(layer, 2).eval(), torch.randn(2, 7, 16)

    def loop():
        with torch.no_grad():
            yield Sample(0, 0, encoder(x))

    with Tracer():
        traced = next(loop()).loss
    bare = next(loop()).loss
    assert torch.equal(traced, bare)
    assert torch.overrides.has_torch_function is torch.autograd.has_torch_function


def test_an_attribute_is_an_op_if_it_makes_a_node():
    def loop():
        w = torch.ones(2, 3, requires_grad=True)
        assert w.shape == (2, 3) and w.grad is None and w.is_leaf
        y = (w * 2).T
        loss = y.sum()
        loss.backward()
        yield loss

    rows = trace(loop)
    assert [row.name for row in rows] == ["w", "mul", "permute", "sum"]
    turned = rows[2]
    assert turned.value.shape == (3, 2)
    assert turned.place.path == __file__
    assert inspect.getsourcelines(loop)[0][turned.place.line - loop.__code__.co_firstlineno].strip() == (
        "y = (w * 2).T"
    )


def test_what_is_kept_while_tracing_is_not_gone_through_again_and_again():
    before = gc.get_threshold()
    tracer = Tracer()
    with tracer:
        assert gc.get_threshold()[:2] == before[:2]
        assert gc.get_threshold()[2] > 1_000_000
    assert gc.get_threshold() == before
    try:
        with tracer:
            gc.set_threshold(500, 5, 5)  # the user's own
        assert gc.get_threshold() == (500, 5, 5)
    finally:
        gc.set_threshold(*before)
