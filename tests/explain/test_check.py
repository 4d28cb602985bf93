"""Gradients against finite differences: right ones pass, wrong ones are caught and named."""

import random

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from bptui.explain.check import SAMPLED, check
from tests.explain.cases import CASES, POSITIVE
from tests.explain.graphs import backward, nodes_under, tensor


class Cube(torch.autograd.Function):
    """y = a³, with the derivative of a²."""

    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a**3

    @staticmethod
    def backward(ctx, g):
        (a,) = ctx.saved_tensors
        return g * 2 * a


class Square(torch.autograd.Function):
    """y = a², and its derivative."""

    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a**2

    @staticmethod
    def backward(ctx, g):
        (a,) = ctx.saved_tensors
        return g * 2 * a


def gradients(function, *args):
    """What autograd gave to each argument in float32, and what came in."""
    generator = torch.Generator().manual_seed(2)
    out = function(*args)
    g = torch.randn(out.shape, generator=generator)
    return [g], list(torch.autograd.grad(out, args, g))


def test_a_wrong_function_is_caught_and_named():
    a = tensor(4, 3)
    came_in, went_out = gradients(Cube.apply, a)
    for given in (went_out, None):
        told = check(Cube.apply, (a,), {}, came_in, given)
        assert told.function == "Cube" and told.reading.endswith(": wrong")
        assert told.error > 0.01 and told.worst.startswith("argument 0 [")
        assert told.place.path == __file__ and told.place.line > 10
        assert told.analytic != pytest.approx(told.numeric, rel=0.01)


def test_a_right_function_passes():
    a = tensor(4, 3)
    told = check(Square.apply, (a,), {}, *gradients(Square.apply, a))
    assert told.reading.endswith("good, the rest is float32's rounding") or told.reading.endswith("good")
    assert told.error < 1e-5 and told.checked == 12 and told.kinks == 0 and told.precision == "float64"


NOT_SMOOTH = {"div_floor", "amax_ties", "max_ties", "maximum_ties", "bce_weighted", "cross_entropy_soft",
              "bce_logits", "to_copy", "index_mask", "attention_mask", "rms_norm"}  # fmt: skip
"""Calls that detach a part, draw random numbers, or whose output's shape hangs on the numbers."""


@pytest.mark.parametrize("name", sorted(set(CASES) - NOT_SMOOTH)[::6])
def test_the_ops_are_right(name):
    _, function, *shapes = CASES[name]
    low = 0.2 if name in POSITIVE else None
    args = [tensor(*shape, seed=at, low=low) for at, shape in enumerate(shapes)]
    told = check(function, args)
    assert told.error is not None and told.error <= 1e-4, told
    assert not told.reading.endswith(("wrong", "uneasy, too large for a smooth function"))


def test_of_a_large_tensor_some_entries_are_sampled():
    told = check(torch.sin, (tensor(50, 40),))
    assert told.checked <= SAMPLED and "good" in told.reading
    assert told == check(torch.sin, (tensor(50, 40),))


def test_a_wrong_entry_among_right_ones_is_found():
    a = tensor(5)
    came_in, (grad,) = gradients(torch.sin, a)
    grad[3] *= 1.1
    told = check(torch.sin, (a,), {}, came_in, [grad])
    assert told.worst == "argument 0 [3]" and told.reading.endswith("wrong")


def test_kinks_are_left_out_and_said():
    told = check(F.relu, (torch.tensor([0.0, 1.0, -1.0], requires_grad=True),))
    assert (
        told.kinks == 1 and told.checked == 2 and "no derivative there" in told.remark and "good" in told.reading
    )
    assert check(F.relu, (torch.zeros(2, requires_grad=True),)).reading == "not checked"


def test_random_functions_get_the_same_random_numbers():
    told = check(F.dropout, (tensor(4, 3), 0.5), {"training": True}, [torch.ones(4, 3)], [torch.full((4, 3), 9.0)])
    assert "random" in told.remark and "good" in told.reading


def test_nothing_is_changed():
    a, places = tensor(4, 3, requires_grad=False), torch.tensor([0, 1, 1])
    before, kept = a.clone(), places.clone()
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    check(torch.Tensor.mul_, (a, 2.0))
    check(lambda t, i: F.dropout(t[i]), (a, places))
    assert torch.equal(a, before) and torch.equal(places, kept) and a.grad is None
    assert torch.equal(states[0], torch.get_rng_state()) and states[1] == random.getstate()
    assert states[2] == np.random.get_state()[1].tolist()


def test_the_debuggees_listening_hears_nothing(monkeypatch):
    monkeypatch.setattr(torch.autograd, "_engine_run_backward", None)
    assert "good" in check(torch.exp, (tensor(3),)).reading


def test_inside_a_backward_pass():
    """A stop may be in the midst of one."""
    a, told = tensor(3), []
    loss = a.exp().sum()
    nodes_under(loss)[1].register_hook(lambda *_: told.append(check(torch.exp, (a,))))
    backward(loss)
    assert "good" in told[0].reading and a.grad is not None


def test_what_can_not_be_run_again_is_said():
    def fails(a):
        raise ValueError("only once")

    told = check(fails, (tensor(3),))
    assert told.reading == "not checked" and "only once" in told.remark and told.error is None


def test_a_function_that_knows_no_float64():
    def single(a):
        assert a.dtype == torch.float32
        return a**2

    told = check(single, (tensor(3),))
    assert told.precision == "the call's own dtype" and "no fault to be seen" in told.reading


def test_a_function_without_a_gradient():
    told = check(torch.argmax, (tensor(3),))
    assert told.reading == "not checked" and "nothing that it returns" in told.remark


def test_several_outputs_and_lists_of_tensors():
    a, b = tensor(4, 3), tensor(2, 3)
    assert "good" in check(torch.cat, ([a, b],)).reading
    assert "good" in check(torch.max, (a, 1)).reading
