"""The lesson gives every number that the notebook printed from which it comes, digit for digit."""

import itertools
import re
from pathlib import Path

import pytest

from bptui.loops.linear import linear

NOTEBOOK = Path(__file__).with_name("back_propagation.txt").read_text()
PRINTED = NOTEBOOK.partition("print('After starting, the weight is: '")[2]
NUMBER = r"(-?[\d.]+(?:e-?\d+)?)"
GRAD = re.compile(rf"Grad =  {NUMBER} \t\| Input =  {NUMBER} \t\| Output =  {NUMBER}$", re.M)
EPOCH = re.compile(rf"Epoch:  (\d+) \t \| Weight =  {NUMBER} \t \| Loss =  {NUMBER}$", re.M)


@pytest.fixture(scope="module")
def samples():
    """What each sample held when it was yielded; the loop changes its weight in place."""
    return [sample._replace(weight_after=sample.weight_after.item()) for sample in linear()]


def test_the_weight_before_the_first_sample(samples):
    (printed,) = re.findall(rf"^Before starting, the weight is:  {NUMBER}$", NOTEBOOK, re.M)
    assert repr(samples[0].weight) == printed


def test_every_printed_gradient(samples):
    printed = GRAD.findall(PRINTED)
    assert len(printed) == 12
    for sample, line in zip(samples, printed, strict=False):
        assert (repr(sample.grad), repr(float(sample.input)), repr(sample.output.item())) == line


def test_every_printed_epoch(samples):
    printed = EPOCH.findall(PRINTED)
    assert len(printed) == 1
    for epoch, weight, loss in printed:
        last = samples[9 * int(epoch) + 8]
        assert (repr(last.weight_after), repr(last.loss.item())) == (weight, loss)


def test_the_last_line_is_cut_off_and_still_right(samples):
    lines = [line for line in PRINTED.splitlines() if line.startswith(("\tGrad", "Epoch"))]
    (rest,) = [line for line in lines if not GRAD.match(line.strip()) and not EPOCH.match(line)]
    assert f"\tGrad =  {samples[12].grad!r} \t| Input =  {float(samples[12].input)!r}".startswith(rest.rstrip())


def test_a_run_is_a_hundred_epochs_of_nine(samples):
    assert [(sample.epoch, sample.index) for sample in samples] == [(e, i) for e in range(100) for i in range(9)]
    assert {(sample.samples, sample.epochs) for sample in samples} == {(9, 100)}


def test_the_gradient_derived_by_hand_is_autograds(samples):
    for sample in samples:  # one is computed in float64, the other in float32
        assert sample.by_hand == pytest.approx(sample.grad, abs=1e-4)


def test_each_weight_is_the_one_before_after_its_update(samples):
    for before, after in itertools.pairwise(samples):
        assert before.weight_after == after.weight


def test_without_zero_grad_gradients_accumulate():
    first, second, *_ = linear(zero_grad=False, epochs=1)
    assert second.grad == pytest.approx(first.grad + second.by_hand, rel=1e-6)
    assert second.grad != pytest.approx(second.by_hand, rel=1e-2)


def test_options():
    (first, *_), (other, *_) = (
        linear(initial_weight=2.0, lr=0.0, epochs=1),
        linear(initial_weight=2.0, lr=0.5, epochs=1),
    )
    assert first.weight == 2.0
    assert first.grad == other.grad == -2.0
    samples = list(linear(lr=0.0, epochs=3))
    assert len(samples) == 27
    assert {sample.weight for sample in samples} == {1.0}
