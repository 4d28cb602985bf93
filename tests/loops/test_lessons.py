"""Each lesson does what its docstring promises, run as the plain generator that it is."""

from __future__ import annotations

import importlib
import inspect
import math
from typing import Any, NamedTuple

import pytest
import torch

from bptui.commands.lessons import lessons, title
from bptui.loops import LESSONS
from bptui.loops.attention import attention
from bptui.loops.broken import broken
from bptui.loops.cnn import cnn
from bptui.loops.momentum import momentum
from bptui.loops.rnn import rnn
from bptui.loops.softmax import softmax
from bptui.loops.vanishing import vanishing
from bptui.loops.xor import xor

BUGS = range(1, 6)


class Seen(NamedTuple):
    """A sample as it was when it was yielded, and the model's gradients and weights then, by parameter."""

    sample: Any
    loss: Any
    grads: dict[str, torch.Tensor | None]
    weights: dict[str, torch.Tensor]


def watched(generator, model="model"):
    """Each sample, copied: the loop changes its tensors in place."""
    for sample in generator:
        parameters = dict(generator.gi_frame.f_locals[model].named_parameters())
        grads = {name: None if each.grad is None else each.grad.clone() for name, each in parameters.items()}
        weights = {name: each.detach().clone() for name, each in parameters.items()}
        yield Seen(sample, sample.loss.item(), grads, weights)


def function(name):
    return getattr(importlib.import_module(f"bptui.loops.{name}"), name)


@pytest.mark.parametrize("name", LESSONS)
def test_its_docstring_says_what_to_look_at(name):
    first, empty, *rest = inspect.getdoc(function(name)).splitlines()
    assert first == f"{title(name)}." and len(first) <= 60 and empty == ""
    assert rest[0] == "What to look at:"
    assert any(line.strip().startswith("1. ") for line in rest)
    explained = {line.partition(":")[0].strip() for line in rest[rest.index("Args:") + 1 :]}
    assert set(inspect.signature(function(name)).parameters) <= explained


def test_the_list_has_a_line_for_each():
    lines = lessons().splitlines()
    assert [line.split()[0] for line in lines] == list(LESSONS)
    assert len({line.index(title(name)) for name, line in zip(LESSONS, lines, strict=True)}) == 1


@pytest.mark.parametrize("name", LESSONS)
def test_two_runs_are_bit_identical(name):
    def run():
        torch.rand(7)  # whatever was drawn before
        generator = function(name)(epochs=1)
        return [(sample.loss.tolist(), torch.as_tensor(sample.weight_after).tolist()) for sample in generator]

    first = run()
    assert first == run()
    assert len(first) == next(function(name)(epochs=1)).samples


def test_xor_is_learnt_by_a_hidden_layer_only(capsys):
    for sample in xor():
        assert torch.allclose(sample.by_hand, sample.grad, atol=1e-6)
    learnt = capsys.readouterr().out.splitlines()
    assert learnt[-1] == "epoch 100: 4/4 right"
    for sample in xor(tanh=False):
        assert torch.allclose(sample.by_hand, sample.grad, atol=1e-6)
    assert "4/4" not in capsys.readouterr().out


def test_softmax_separates_the_classes(capsys):
    first, *_ = samples = list(softmax())
    assert first.loss.item() == pytest.approx(math.log(3), abs=0.2)
    for sample in samples:
        assert torch.allclose(sample.by_hand, sample.grad, atol=1e-6)
    assert capsys.readouterr().out.splitlines()[-1] == "epoch 10: 90/90 right"


def test_cnn_reads_digits_it_has_not_seen(capsys):
    *_, last = cnn()
    assert last.input.shape == (20, 1, 8, 8) and last.output.shape == (20, 10)
    right = int(capsys.readouterr().out.split()[-4].partition("/")[0])
    assert right >= 180


def test_rnns_gradient_vanishes_unless_u_is_orthogonal():
    lost, kept = list(rnn()), list(rnn(orthogonal=True))
    assert lost[0].grad.shape == (12,)
    assert lost[0].grad[0] < 1e-2 * lost[0].grad[-1]
    assert kept[0].grad[0] > 1e-1 * kept[0].grad[-1]
    assert min(sample.loss.item() for sample in lost) > 0.5
    assert kept[-1].loss.item() < 0.01


def test_attention_learns_to_look_at_the_other_end(capsys):
    generator = attention()
    for sample in generator:
        right = sample.output.argmax(-1) == sample.target
        looked = generator.gi_frame.f_locals["looked"]
    assert right.all()
    assert looked.mean(0).argmax(-1).tolist() == [4, 3, 2, 1, 0]
    assert "100% of the tokens right" in capsys.readouterr().out


def ratio(network):
    """How much of the last layer's gradient arrives at the first."""
    return (network[0].linear.weight.grad.norm() / network[-2].linear.weight.grad.norm()).item()


def test_sigmoids_lose_the_gradient_and_residuals_do_not():
    generator, moved = vanishing(), set()
    for sample in generator:
        networks, x = generator.gi_frame.f_locals, sample.input
        moved.add(tuple(sample.weight_after.flatten().tolist()))
        assert ratio(networks["sigmoids"]) < 1e-12
        assert ratio(networks["residuals"]) > 0.1
    assert len(moved) == 1, "the first layer of sigmoids stays where it was"
    sigmoids, residuals = networks["sigmoids_loss"].item(), networks["residuals_loss"].item()
    assert networks["sigmoids"](x).std() < 1e-6, "whatever comes in, the mean comes out"
    assert residuals < 0.5 * sigmoids


def test_the_order_in_which_the_optimizers_arrive():
    samples = list(momentum())
    sgd, heavy, adam = samples[20].loss.tolist()
    assert adam < heavy < sgd
    sgd, heavy, adam = samples[-1].loss.tolist()
    assert max(heavy, adam) < 0.1 * sgd
    along = [sample.weight_after[:, 0].tolist() for sample in samples]
    assert max(x[0] for x in along) < 0 < max(x[1] for x in along), "momentum overshoots, SGD does not"
    first = samples[0].weight_after[2] - torch.tensor([-4.0, 1.0])
    assert first.abs().tolist() == pytest.approx([0.2, 0.2], rel=1e-3)


def test_across_the_valley_a_large_step_is_too_much_for_sgd_only():
    *_, last = momentum(lr=0.07)
    sgd, heavy, adam = last.loss.tolist()
    assert max(heavy, adam) < 0.01 < 1e6 < sgd


@pytest.fixture(scope="module")
def runs():
    """Twenty epochs of each bug, and of none."""
    return {bug: list(watched(broken(bug=bug))) for bug in (0, *BUGS)}


def accumulates(run):
    norms = [seen.grads["output.weight"].norm().item() for seen in run]
    return norms[20] > 2 * norms[0]


def leaps(run):
    return max(seen.loss for seen in run[1:10]) > 2 * run[0].loss


def is_dead(run):
    return all(seen.grads[name].count_nonzero() == 0 for seen in run for name in ("hidden.weight", "hidden.bias"))


def is_frozen(run):
    same = torch.equal(run[0].weights["hidden.weight"], run[-1].weights["hidden.weight"])
    return same and run[-1].grads["hidden.weight"] is None


def is_nan(run):
    return any(math.isnan(seen.loss) for seen in run)


SYMPTOMS = (accumulates, leaps, is_dead, is_frozen, is_nan)


@pytest.mark.parametrize("bug", BUGS)
def test_each_bug_has_its_symptom_and_the_sound_one_none(runs, bug):
    symptom = SYMPTOMS[bug - 1]
    assert symptom(runs[bug])
    assert not symptom(runs[0])


def test_without_a_bug_it_learns(runs):
    assert runs[0][-1].loss < 0.3
    assert all(math.isfinite(seen.loss) for seen in runs[0])


def test_without_zero_grad_each_gradient_has_all_before_in_it(runs):
    sound, first, second = runs[0][0], *runs[1][:2]
    assert torch.equal(first.grads["output.weight"], sound.grads["output.weight"])
    fresh = runs[0][1].grads["output.weight"]  # up to here the weights are the same
    assert torch.allclose(second.grads["output.weight"], first.grads["output.weight"] + fresh, atol=1e-6)


def test_the_nan_comes_where_a_point_is_far_out(runs):
    first = next(seen for seen in runs[5] if math.isnan(seen.loss))
    assert first.sample.input.norm(dim=1).max() > 50
    assert first.sample.output.max() == 1.0
