"""What is said of nodes that are no plain op, and that nothing is disturbed by asking."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import checkpoint

from bptui.explain.explain import explain
from bptui.protocol.codec import from_json, to_json
from bptui.records import Explanation
from tests.explain.graphs import explained, nodes_under, tensor


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        return a * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2, None


def one(function, *args, node):
    """The explanation of the one node of a name."""
    return next(each for each, _ in explained(function, *args) if each.node == node)


def test_the_seed():
    told = one(lambda w: (w * 3.0 - 9.0) ** 2, torch.tensor([1.1968], requires_grad=True), node="MulBackward0")
    assert told.op == "mul" and told.equation == "y = a · b"
    assert told.signature == "mul.Tensor(Tensor self, Tensor other) -> Tensor"
    mul = told.inputs[0]
    assert mul.torch_formula == "mul_tensor_backward(grad, other, self.scalar_type())"
    assert (mul.formula, mul.local, mul.local_text) == ("∂L/∂a = g · b", 3.0, "3")
    assert told.inputs[1].remark == "needs no gradient"


def test_the_seeds_numbers():
    w = torch.tensor([1.1968], requires_grad=True)
    loss = (w * 3.0 - 9.0) ** 2
    lines = []
    for node in nodes_under(loss):
        node.register_hook(lambda out, came_in, node=node: lines.append(explain(node, came_in, out)))
    loss.backward(torch.ones(1))
    assert [each.inputs[0].numbers for each in lines if each.inputs] == [
        "∂L/∂a = g · n·aⁿ⁻¹ = 1 · 2·(−5.4096) = −10.8192",
        "∂L/∂a = g = −10.8192",
        "∂L/∂a = g · b = −10.8192 · 3 = −32.4576",
    ]


def test_a_broadcast_is_summed_back():
    told = one(torch.add, tensor(4, 3), tensor(3), node="AddBackward0").inputs[1]
    assert told.steps == ("summed over dim 0 (broadcast 4×3 ← 3)",) and told.numbers.startswith("∂L/∂b[")
    assert "Σ g = " in told.numbers and "(4 terms)" in told.numbers


def test_matrices_are_shown_by_their_shapes():
    told = one(torch.mm, tensor(4, 3), tensor(3, 5), node="MmBackward0")
    assert told.inputs[1].numbers.startswith("∂L/∂B = Aᵀ·g: (4×3)ᵀ·(4×5) → 3×5, largest ∂L/∂B[")


def test_a_function_of_the_users_own():
    told = one(Doubled.apply, tensor(3), 7, node="DoubledBackward")
    assert told.remark.startswith("custom Function Doubled: its backward is the user's code at ")
    assert told.place.path == __file__ and told.signature == ""
    assert told.inputs[0].error is None and math.isclose(told.inputs[0].factor, 2)


def test_nodes_in_cpp_are_said_plainly():
    a = tensor(3)
    assert "leaf" in explain((a * 2).grad_fn.next_functions[0][0], (torch.ones(3),), ()).remark
    copy = a * 2
    copy[0] = 1.0
    told = explain(copy.grad_fn, (torch.ones(3),))
    assert told.node == "CopySlices" and "in place" in told.remark


def test_an_op_without_a_rule_has_pytorchs_formula():
    told = one(torch.digamma, tensor(3, low=1), node="DigammaBackward0")
    assert told.inputs[0].torch_formula == "grad * polygamma(1, self)" and "PyTorch's formula alone" in told.remark
    assert told.inputs[0].numbers == "" and told.inputs[0].norm > 0


def test_an_option_that_no_rule_knows():
    told = one(lambda a: torch.linalg.vector_norm(a, 3), tensor(3), node="LinalgVectorNormBackward0").inputs[0]
    assert "a norm of order 3" in told.remark and told.error is None


def test_saved_tensors_that_are_gone():
    a = tensor(3)
    y = a.exp()
    y.sum().backward()
    assert "freed" in explain(y.grad_fn, (torch.ones(3),), (torch.ones(3),)).inputs[0].remark
    b = a * 1
    z = b.sin()
    b.add_(1)
    assert "changed in place" in explain(z.grad_fn, (torch.ones(3),)).inputs[0].remark


def test_a_checkpointed_op_is_not_computed_again():
    calls = []

    def part(a):
        calls.append(a)
        return a.exp().sin()

    a = tensor(3)
    y = checkpoint(part, a, use_reentrant=False)
    node = y.grad_fn
    assert "checkpointing" in explain(node, (torch.ones(3),)).inputs[0].remark
    assert len(calls) == 1
    y.sum().backward()
    assert torch.allclose(a.grad, a.exp().cos() * a.exp())


def test_without_a_gradient_that_came_in():
    a = tensor(3)
    assert "no gradient came in" in explain(a.exp().grad_fn, (None,)).inputs[0].remark


def test_numbers_that_are_not_finite_are_shown_first():
    told = one(torch.log, torch.tensor([1.0, 0.0, -1.0], requires_grad=True), node="LogBackward0").inputs[0]
    assert told.entry == (1,) and math.isinf(told.value) and told.error <= 1e-6 and "Inf" in told.numbers


def test_complex_numbers_are_left_alone():
    a = torch.randn(3, dtype=torch.complex64, requires_grad=True)
    assert "complex" in one(torch.exp, a, node="ExpBackward0").inputs[0].remark


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_agrees_up_to_its_own(dtype):
    told = one(torch.mul, tensor(4, 3, dtype=dtype), tensor(3, dtype=dtype), node="MulBackward0")
    assert all(each.error < 8 * torch.finfo(dtype).eps for each in told.inputs)


def test_nested_tensors_have_no_numbers():
    parts = [tensor(3, 4), tensor(2, 4)]
    nested = torch.nested.as_nested_tensor(parts, layout=torch.jagged)
    for told, _ in explained(lambda: (nested * 2).values()):
        assert from_json(Explanation, to_json(told)) == told
        if told.op == "mul":
            assert told.shape is None and "without numbers" in told.inputs[0].remark


def test_what_nobody_thought_of_is_said(monkeypatch):
    def fails(*_):
        raise ValueError("a node from elsewhere")

    monkeypatch.setattr("bptui.explain.explain.shapes_of", fails)
    assert "a node from elsewhere" in explain(tensor(3).exp().grad_fn, (torch.ones(3),)).remark


def test_it_goes_over_the_wire():
    for told, _ in explained(lambda a, b: (a / b).softmax(-1) @ b, tensor(4, 3), tensor(3)):
        assert from_json(Explanation, to_json(told)) == told


def a_training(listens):
    """Three steps of a small model with all sorts of layers, the bytes of its weights, and what was explained."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.GELU(), nn.Flatten(), nn.LayerNorm(24), nn.Dropout(0.2),
        nn.Linear(24, 8), nn.Unflatten(1, (2, 4)), nn.LSTM(4, 4, batch_first=True),
    )  # fmt: skip
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    parameters = [*model.parameters(), *attention.parameters()]
    optimizer, told = torch.optim.Adam(parameters), []
    for _ in range(3):
        out, _ = model(torch.randn(5, 2, 8))
        out, _ = attention(out, out, out)
        loss = F.cross_entropy(out.flatten(1), torch.arange(5))
        for node in nodes_under(loss) if listens else ():
            node.register_hook(lambda out, came_in, node=node: told.append(explain(node, came_in, out)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [parameter.detach().numpy().tobytes() for parameter in parameters], told


def test_asking_changes_nothing_in_the_training():
    bare, _ = a_training(False)
    asked, told = a_training(True)
    assert asked == bare
    assert len(told) > 90
    for each in told:
        assert all(part.error is None or part.error < 1e-4 for part in each.inputs), each
        assert not any("could not be computed" in part.remark for part in each.inputs), each
