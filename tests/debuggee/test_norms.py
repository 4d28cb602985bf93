"""Norms of tensors of every kind."""

import math

import pytest
import torch

from bptui.debuggee.norms import norms, total

FOUR = torch.tensor([3.0, 0.0, -4.0])
ODD = "ignore:(.*quantize|Sparse CSR).*:UserWarning"


@pytest.mark.filterwarnings(ODD)
@pytest.mark.parametrize("make", [
    lambda: FOUR, FOUR.double, FOUR.half, FOUR.bfloat16, FOUR.int, lambda: FOUR.to(torch.float8_e4m3fn),
    lambda: FOUR.to_sparse(), lambda: FOUR.reshape(1, 3).to_sparse_csr(), lambda: FOUR.to(torch.complex64),
    lambda: torch.tensor(3 + 4j), lambda: torch.tensor([3j, 4]).conj(), lambda: FOUR.expand(1, 3),
    lambda: torch.quantize_per_tensor(FOUR, 0.5, 0, torch.qint8), lambda: torch.nn.Parameter(FOUR),
])  # fmt: skip
def test_any_kind(make):
    assert norms([make()]) == [5.0]
    # beside others, and none of them takes part in the user's graph or function modes
    assert norms([FOUR, make(), torch.empty(3, device="meta"), torch.zeros(0)]) == [5.0, 5.0, None, 0.0]


def test_large_elements_are_not_infinite():
    large = [torch.full((4,), 6e4, dtype=torch.float16), torch.full((4,), 1e30), torch.full((4,), 1e38)]
    assert norms(large) == pytest.approx([120_000, 2e30, 2e38], rel=1e-3)


def test_what_is_not_finite_is_told():
    nan, inf = torch.tensor([math.nan, math.inf]), torch.tensor([1.0, -math.inf])
    assert repr(norms([nan, inf, torch.ones(1), nan.half()])) == "[nan, inf, 1.0, nan]"
    assert norms([]) == []


def test_nothing_of_the_users_is_called():
    class Loud(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            raise AssertionError("called")

    with torch._C.DisableTorchFunctionSubclass():
        loud = FOUR.as_subclass(Loud)
    assert norms([loud]) == [5.0]


@pytest.mark.parametrize("count", [1, 4, 20])
def test_together(count):
    assert total([FOUR] * count, 3 * count) == pytest.approx(5 * math.sqrt(count))
    assert math.isnan(total([FOUR] * count + [torch.empty(2, device="meta")], 3 * count + 2))
    for odd, norm in ((torch.tensor([math.nan]), "nan"), (torch.tensor([math.inf]), "inf")):
        assert repr(total([FOUR] * count + [odd], 3 * count + 1)) == norm
    others = [FOUR.to_sparse(), FOUR.half(), torch.zeros(0)]
    assert total([FOUR] * count + others, 100) == pytest.approx(5 * math.sqrt(count + 2))


def test_a_gradient_is_asked_for_as_before():
    weight = FOUR.clone().requires_grad_()
    for is_enabled in (True, False):
        with torch.set_grad_enabled(is_enabled):
            assert total([weight] * 20, 60) == pytest.approx(5 * math.sqrt(20))
            assert norms([weight]) == [5.0]
            assert torch.is_grad_enabled() == is_enabled


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_as_many_digits_as_are_shown(dtype):
    torch.manual_seed(0)
    large = torch.randn(3_000_000).add_(0.5).to(dtype)
    many = [torch.randn(5000).to(dtype) for _ in range(60)]
    exact = [float(each.double().norm()) for each in (large, *many)]
    assert norms([large, *many]) == pytest.approx(exact, rel=2e-6)
    assert total(many, 300_000) == pytest.approx(math.hypot(*exact[1:]), rel=2e-6)


def test_what_is_small_is_not_zero():
    small = torch.full((4,), 1e-30)
    assert norms([small, torch.zeros(4)]) == pytest.approx([2e-30, 0])
    assert total([small] * 9, 36) == pytest.approx(6e-30)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_many_small_tensors_are_as_right_as_one(dtype):
    tensors = [torch.full((1 + i % 3,), 10.0 ** (i - 40), dtype=dtype) for i in range(70)]
    tensors += [torch.zeros(2, dtype=dtype), torch.tensor([math.inf, math.nan], dtype=dtype)]
    tensors += [torch.tensor([-math.inf, 1], dtype=dtype)]
    alone = [math.sqrt(sum(x * x for x in tensor.tolist())) for tensor in tensors]
    assert norms(tensors) == pytest.approx(alone, rel=1e-12, nan_ok=True)
