"""Summaries against numpy, for every dtype and shape that there is."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from bptui.debuggee import stats
from bptui.debuggee.stats import as_tensor, kind_of, summarise, try_summarise
from bptui.records import EXACT, KEPT, Kind

STATS = ("min", "max", "mean", "std", "norm")


def expected(array):
    """The statistics by numpy, in float64."""
    array = np.asarray(array, np.float64).ravel()
    finite = array[np.isfinite(array)]
    counts = [
        int((array == 0).sum()),
        int(np.isnan(array).sum()),
        int((array == np.inf).sum()),
        int((array == -np.inf).sum()),
    ]
    if not finite.size:
        return [None] * 5, counts
    return [finite.min(), finite.max(), finite.mean(), finite.std(), np.linalg.norm(finite)], counts


def assert_right(summary, array):
    numbers, counts = expected(array)
    assert [getattr(summary, name) for name in STATS] == [
        n if n is None else pytest.approx(n, rel=1e-9, abs=1e-12) for n in numbers
    ]
    assert [summary.zeros, summary.nans, summary.pos_infs, summary.neg_infs] == counts
    assert summary.nonfinite == sum(counts[1:])


FLOATS = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.float8_e4m3fnuz, torch.float8_e5m2fnuz,
]  # fmt: skip
INTS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64]


@pytest.mark.parametrize("count", [1, 5, EXACT, KEPT, KEPT + 1, 1000])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_floats(dtype, count):
    tensor = torch.linspace(-3, 4, count).to(dtype)
    summary = summarise(tensor)
    assert (summary.shape, summary.dtype, summary.device) == ((count,), str(dtype)[6:], "cpu")
    assert_right(summary, tensor.double().numpy())
    assert len(summary.values) == min(count, KEPT)
    if count <= KEPT:
        assert list(summary.values) == tensor.double().tolist()


@pytest.mark.parametrize("count", [1, 7, 100])
@pytest.mark.parametrize("dtype", INTS, ids=str)
def test_ints(dtype, count):
    tensor = torch.arange(count).to(dtype)
    summary = summarise(tensor)
    assert_right(summary, np.arange(count))
    assert summary.values[:2] == tuple(range(min(count, 2))) and summary.values[-1] == count - 1
    assert all(type(value) is int for value in summary.values)


@pytest.mark.parametrize("count", [3, 100])
def test_bools(count):
    tensor = torch.arange(count) % 3 == 0
    assert_right(summarise(tensor), tensor.numpy())


@pytest.mark.parametrize("count", [3, 100])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128, torch.complex32])
def test_complex_numbers_are_their_magnitude(dtype, count):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "ComplexHalf support is experimental"
        tensor = torch.complex(torch.arange(float(count)), torch.ones(count)).to(dtype)
        summary = summarise(tensor)
        magnitude = tensor.to(torch.complex64 if dtype == torch.complex32 else dtype).abs()
    assert summary.dtype == str(dtype)[6:]
    assert_right(summary, magnitude.numpy())


@pytest.mark.parametrize("count", [4, 200])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_what_is_not_finite_is_counted_and_left_out(dtype, count):
    tensor = torch.ones(count, dtype=dtype)
    tensor[0], tensor[1], tensor[2] = math.nan, math.inf, -math.inf
    summary = summarise(tensor)
    assert_right(summary, tensor.double().numpy())
    assert (summary.nans, summary.pos_infs, summary.neg_infs, summary.min, summary.std) == (1, 1, 1, 1.0, 0.0)


@pytest.mark.parametrize("count", [1, 100])
def test_nothing_finite(count):
    assert_right(summarise(torch.full((count,), math.nan)), [math.nan] * count)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5, 2)])
def test_no_elements(shape):
    summary = summarise(torch.empty(shape))
    assert (summary.shape, summary.values, summary.mean, summary.numel) == (shape, (), None, 0)
    assert_right(summary, [])


def test_a_meta_tensor_has_a_kind_and_no_numbers():
    for shape in ((), (4, 5)):
        summary = summarise(torch.empty(shape, device="meta"))
        assert (summary.shape, summary.device, summary.values, summary.norm) == (shape, "meta", (), None)
        assert summary.item is None


def test_sparse_tensors_count_their_zeros():
    dense = torch.zeros(10, 20)
    dense[3, 4], dense[5, 6] = 2.0, -1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "Sparse CSR tensor support is in beta state"
        compressed = dense.to_sparse_csr()
    for sparse in (dense.to_sparse(), compressed):
        summary = summarise(sparse)
        assert summary.shape == (10, 20)
        assert_right(summary, dense.numpy())


def test_a_huge_sparse_tensor_is_not_made_dense():
    index, size = torch.tensor([[1], [2]]), (10**6, 10**6)
    huge = torch.sparse_coo_tensor(index, torch.tensor([1.0]), size, check_invariants=True)
    summary = summarise(huge)
    assert (summary.shape, summary.values, summary.mean) == ((10**6, 10**6), (), None)


def test_quantised_tensors():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensor = torch.quantize_per_tensor(torch.tensor([0.0, 0.5, 1.0]), 0.5, 0, torch.quint8)
        assert summarise(tensor).values == (0.0, 0.5, 1.0)


def test_integers_beyond_the_doubles_keep_their_digits():
    assert summarise(torch.tensor([2**53 + 1, -(2**63)])).values == (2**53 + 1, -(2**63))
    assert summarise(torch.tensor([2**64 - 1], dtype=torch.uint64)).values == (2**64 - 1,)


def test_a_million_elements_in_float32_lose_no_digits():
    tensor = torch.rand(1000, 1000, generator=torch.Generator().manual_seed(0)) + 1000
    assert_right(summarise(tensor), tensor.double().numpy())


def test_values_of_large_tensors_are_evenly_spaced_from_first_to_last():
    values = summarise(torch.arange(1000.0).reshape(10, 100)).values
    assert len(values) == KEPT and values[0] == 0 and values[-1] == 999
    assert set(np.diff(values)) <= {15, 16}


def test_layouts_in_memory_do_not_matter():
    tensor = torch.arange(200.0).reshape(10, 20)
    for view in (tensor.T, tensor[::2, 1::3], tensor.expand(3, 10, 20), tensor.T[:3, :2]):
        assert_right(summarise(view), view.numpy())
        assert summarise(view).values == summarise(view.contiguous()).values


def test_a_tensor_with_history_is_looked_at_without_touching_it():
    weight = torch.ones(3, requires_grad=True)
    product = weight * 2
    assert summarise(product).values == (2.0, 2.0, 2.0)
    assert product.requires_grad and weight.grad is None and torch.is_grad_enabled()
    assert summarise(torch.nn.Parameter(torch.ones(1))).item == 1.0


@given(st.lists(st.floats(width=64), min_size=1, max_size=80))
@example([1.7976931348623157e308] * 3)
def test_any_floats(values):
    summary = summarise(torch.tensor(values, dtype=torch.float64))
    finite = [value for value in values if math.isfinite(value)]
    assert summary.nonfinite == len(values) - len(finite)
    if finite:
        assert (summary.min, summary.max) == (min(finite), max(finite))
        if max(map(abs, finite)) < 1e150:
            assert_right(summary, values)
    if len(values) <= KEPT:
        assert repr(summary.values) == repr(tuple(values))


def test_numbers_and_arrays():
    for value, kind, values in [
        (3, Kind((), "int", "cpu"), (3,)),
        (2.5, Kind((), "float", "cpu"), (2.5,)),
        (True, Kind((), "bool", "cpu"), (True,)),
        (np.float64(2.5), Kind((), "float64", "cpu"), (2.5,)),
        (np.float16(2.5), Kind((), "float16", "cpu"), (2.5,)),
        (np.int8(-3), Kind((), "int8", "cpu"), (-3,)),
        (np.ones((2, 1), np.float32), Kind((2, 1), "float32", "cpu"), (1.0, 1.0)),
        ([1.0, 2.0], Kind((2,), "float64", "cpu"), (1.0, 2.0)),
        ([[1], [2]], Kind((2, 1), "int64", "cpu"), (1, 2)),
        (1 + 0j, Kind((), "complex64", "cpu"), (1.0,)),
    ]:
        summary = summarise(value)
        assert kind_of(value) == kind == Kind(summary.shape, summary.dtype, summary.device)
        assert summary.values == values


def test_read_only_and_reversed_arrays():
    frozen = np.arange(3.0)
    frozen.setflags(write=False)
    assert summarise(frozen).values == (0.0, 1.0, 2.0)
    assert summarise(np.arange(3.0)[::-1]).values == (2.0, 1.0, 0.0)
    assert summarise(np.arange(3, dtype=">i4")).values == (0, 1, 2)


@pytest.mark.parametrize(
    "value", ["text", b"bytes", {"a": 1}, {1, 2}, object(), None, ["a"], [[1], [2, 3]], np.array("x"), 10**400]
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(stats.UNREADABLE):
        summarise(value)
    assert try_summarise(value) is None


def test_tensors_that_have_no_numbers_to_look_at_are_none():
    found = []
    torch.vmap(lambda x: found.append(try_summarise(x)) or x)(torch.ones(3))
    assert found[0] is None or found[0].values == (1.0,) * 3
    assert as_tensor(torch.ones(2)).tolist() == [1, 1]
