"""The chain rule in symbols and in numbers, against the lesson's text and against autograd."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bptui.explain.chain import FACTORS, WRITTEN, chain
from bptui.explain.text import number
from bptui.loops.linear import linear
from bptui.records import Kind, Link, Node, TensorSummary
from tests.explain.graphs import rows_and_links


def scalar(value):
    return torch.tensor(value, requires_grad=True)


def of(loss, **leaves):
    """The chain from a loss to its first leaf."""
    rows, links, row_of = rows_and_links(loss, leaves)
    return chain(rows, links, row_of[next(iter(leaves))], len(rows) - 1)


def test_the_lesson(monkeypatch):
    """Epoch 0, x = 3: w is 1.1968, as the two samples before have left it."""
    samples, seen = linear(), []
    next(samples), next(samples)
    weight = samples.gi_frame.f_locals["weight"]
    weight.grad = torch.zeros_like(weight)

    def keep(outputs, *_, **__):
        seen.append(outputs[0])

    monkeypatch.setattr(torch.autograd, "_engine_run_backward", keep)
    next(samples)
    monkeypatch.undo()
    weight.grad = None
    assert of(seen[0], w=weight).lines == (
        "∂loss/∂w = ∂loss/∂pow · ∂pow/∂sub · ∂sub/∂mul · ∂mul/∂w = 1 · 2·(−5.4096) · 1 · 3 = −32.4576",
    )


def test_paths_that_join_are_summed():
    w, x = scalar(0.5), scalar(3.0)
    told = of(w * x + w * w, w=w, x=x)
    assert told.count == 3 and told.total == 4
    assert told.lines == (
        "∂loss/∂w = ∂loss/∂add · ∂add/∂mul₁ · ∂mul₁/∂w = 1 · 1 · 3 = 3",
        "∂loss/∂w = ∂loss/∂add · ∂add/∂mul₂ · ∂mul₂/∂w = 1 · 1 · 0.5 = 0.5",
        "∂loss/∂w = ∂loss/∂add · ∂add/∂mul₂ · ∂mul₂/∂w = 1 · 1 · 0.5 = 0.5",
        "∂loss/∂w = 3 + 0.5 + 0.5 = 4 (sum over 3 paths)",
    )


def test_a_sum_in_a_factor_has_brackets():
    w = scalar(0.5)
    value = number(-2 * (1 - math.tanh(0.5) ** 2))
    assert of(torch.tanh(w) * -2, w=w).lines[0].endswith(f" = 1 · (−2) · (1 − 0.4621²) = {value}")


def test_of_many_paths_some_are_written_and_all_are_summed():
    w = scalar(1.5)
    out = w
    for _ in range(6):
        out = out + out
    told = of(out, w=w)
    assert told.count == 2**6 and told.total == 64
    assert len(told.lines) == WRITTEN + 1
    assert told.lines[-1].endswith(f"+ … ({64 - WRITTEN} more) = 64 (sum over 64 paths)")


def test_a_long_path_is_written_without_its_middle():
    w = scalar(0.5)
    out = w
    for _ in range(300):
        out = -out
    told = of(out, w=w)
    assert told.total == 1 and len(told.lines) == 1
    assert told.lines[0].count("∂neg") < 2 * FACTORS and "more) …" in told.lines[0]


def test_the_way_has_to_be_of_single_numbers():
    w = torch.ones(3, requires_grad=True)
    assert of((w * 2).sum(), w=w).lines == (
        "mul is no single number: the chain in one line is for single numbers",
    )
    v = scalar(2.0)
    assert "no single number" in of((v * torch.ones(2)).sum(), v=v).lines[0]


def test_a_leaf_that_is_not_reached():
    rows = (Node("a", "parameter"), Node("b", "parameter"), Node("exp", "op", (1,)))
    assert chain(rows, [Link(2, 1, 1.0, "1")], 0).lines == ("a is not reached from exp",)


@pytest.mark.parametrize(
    ("grad", "says"), [(6.0, None), (6.00004, "it rounds at each step"), (7.0, "not what the chain comes to")]
)
def test_it_says_where_autograd_has_another_number(grad, says):
    summary = TensorSummary.of_one(grad, Kind((), "float32", "cpu"))
    rows = (Node("w", "parameter", (), None, summary), Node("mul", "op", (0,)))
    lines = chain(rows, [Link(1, 0, 6.0, "6")], 0).lines
    assert len(lines) == (1 if says is None else 2)
    assert says is None or says in lines[-1]


STEPS = {
    "add": lambda a, b: (a + b).sin(), "sub": lambda a, b: (a - b).sin(), "mul": lambda a, b: (a * b).sin(),
    "div": lambda a, b: a / (b * b + 1), "cube": lambda a, _: (a**3).tanh(), "sigmoid": lambda a, _: a.sigmoid(),
    "exp": lambda a, _: (-a * a).exp(), "relu": lambda a, _: a.relu(),
}  # fmt: skip

STEP = st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 9), st.integers(0, 9))


@settings(max_examples=40, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=8))
def test_the_chain_is_autograds_gradient(steps):
    w, v = scalar(0.7), scalar(-1.3)
    values = [w, v]
    for name, left, right in steps:
        values.append(STEPS[name](values[left % len(values)], values[right % len(values)]))
    rows, links, row_of = rows_and_links(values[-1] + w * v, {"w": w, "v": v})
    for name, leaf in (("w", w), ("v", v)):
        total = chain(rows, links, row_of[name]).total
        assert math.isclose(total, float(leaf.grad), rel_tol=1e-4, abs_tol=1e-5)
