"""Each rule against autograd: what it gives, and the numbers that are written."""

import functools
import math

import pytest
import torch

from bptui.explain.rules import RULES
from tests.explain.cases import CASES, POSITIVE
from tests.explain.graphs import explained, tensor


@functools.cache
def run(name, dtype):
    """The explanations of a case, each input with the gradient that autograd gave it."""
    _, function, *shapes = CASES[name]
    low = 0.2 if name in POSITIVE else None
    args = [tensor(*shape, dtype=dtype, seed=at, low=low) for at, shape in enumerate(shapes)]
    return explained(function, *args)


def inputs(name, dtype):
    """Each differentiated input of each node of a case."""
    for explanation, grads in run(name, dtype):
        for each, grad in zip(explanation.inputs, grads, strict=True):
            if grad is not None:
                yield explanation, each, grad


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])
def test_a_rule_gives_what_autograd_computes(name, dtype):
    assert any(each.node.startswith(f"{CASES[name][0]}Backward") for each, _ in run(name, dtype))
    limit = 1e-5 if dtype == torch.float32 or name == "to_copy" else 1e-8
    for explanation, each, _ in inputs(name, dtype):
        assert each.error is not None and each.error <= limit, (explanation.node, each)


@pytest.mark.parametrize("name", CASES)
def test_the_number_that_is_written_is_autograds(name):
    for explanation, each, grad in inputs(name, torch.float32):
        entry = float(grad.to_dense()[each.entry] if grad.layout != torch.strided else grad[each.entry])
        assert math.isclose(each.value, entry, rel_tol=1e-4, abs_tol=1e-6 * (explanation.norm or 1))
        result = each.numbers.rpartition(" = ")[2].replace("−", "-")
        assert math.isclose(float(result), each.value, rel_tol=1e-3, abs_tol=5e-5)
        assert each.formula.startswith("∂L/∂")


@pytest.mark.parametrize("name", CASES)
def test_norms_and_shapes(name):
    for explanation, each, grad in inputs(name, torch.float64):
        assert each.shape == tuple(grad.shape)
        norm = float(grad.to_dense().norm())
        assert math.isclose(each.norm, norm, rel_tol=1e-12, abs_tol=1e-300)
        if each.factor is not None:
            assert math.isclose(each.factor * explanation.norm, norm, rel_tol=1e-9, abs_tol=1e-300)


def test_every_rule_has_a_case():
    """But for those of other devices, and names that this torch gives to no node on CPU."""
    seen = {explanation.op for name in CASES for explanation, _ in run(name, torch.float32)}
    elsewhere = {
        "scaled_dot_product_flash_attention", "scaled_dot_product_efficient_attention",
        "scaled_dot_product_cudnn_attention", "native_batch_norm_legit", "linear", "adaptive_max_pool3d",
        "adaptive_avg_pool3d", "alias", "lift_fresh", "lazy_clone", "reshape_copy", "reshape_alias",
    }  # fmt: skip
    assert {name.strip("_") for name in RULES} - seen <= elsewhere
