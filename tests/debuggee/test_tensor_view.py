"""Windows into tensors of every kind."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bptui.debuggee.answers import Answers
from bptui.debuggee.live import Live, held
from bptui.debuggee.remembered import Remembered
from bptui.debuggee.tensor_stats import count
from bptui.debuggee.tensor_view import cut, pieces
from bptui.protocol import BadIndex, Inspect, TensorRef, parse_index, short_text

NAN = float("nan")


def ask(value, **more):
    """All answers about a variable of this value."""
    live = Live(lambda: [{"t": value}])
    command = Inspect(1, 0, 1, TensorRef("variable", 1, "t"), window=(3, 4), **more)
    return [answer for answer in Answers(live, Remembered()).to(command, 1) if answer is not None]


def quantised(*numbers):
    with warnings.catch_warnings(action="ignore"):
        return torch.quantize_per_tensor(torch.tensor(numbers), 0.5, 0, torch.qint8)


def sparse(size):
    indices, values = torch.tensor([[0], [0]]), torch.ones(1)
    return torch.sparse_coo_tensor(indices, values, (size, size), check_invariants=True)


def nested():
    with warnings.catch_warnings(action="ignore"):
        return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])


@pytest.mark.parametrize(
    ("value", "first", "remark"),
    [
        (torch.tensor(2.5), (2.5,), ""),
        (torch.tensor([True, False]), (True, False), ""),
        (torch.tensor([2**62 + 1, -1]), (2**62 + 1, -1), ""),
        (torch.tensor([[1.5, 2.5]], dtype=torch.bfloat16), (1.5, 2.5), ""),
        (torch.tensor([1.5, -2.0]).to(torch.float8_e4m3fn), (1.5, -2.0), ""),
        (torch.tensor([1 + 2j, 3 - 1j]).conj(), (1.0, -2.0), "complex: the last dimension is real, imaginary"),
        (torch.eye(2).to_sparse(), (1.0, 0.0), "sparse coo: shown dense"),
        (quantised(0.5, 1.0), (0.5, 1.0), "quantised"),
        (torch.arange(6.0).reshape(2, 3).t(), (0.0, 3.0), ""),
        (torch.ones(1).expand(2, 3, 10**6), (1.0, 1.0, 1.0, 1.0), ""),
        (torch.nn.Parameter(torch.ones(2)), (1.0, 1.0), "as it is now"),
        (np.array([[1, 2]], dtype=np.int16), (1, 2), ""),
    ],
    ids=lambda value: "",
)
def test_every_kind_of_tensor_opens(value, first, remark) -> None:
    shown, *_ = ask(value, heat=(4, 4))
    assert shown.problem == ""
    assert shown.values[0] == first
    assert shown.remark.startswith(remark) and bool(shown.remark) == bool(remark)
    assert shown.heat


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (torch.empty(3, 4, device="meta"), "meta device"),
        (sparse(10**5), "too large"),
        (nested(), "nested"),
    ],
    ids=["meta", "sparse", "nested"],
)
def test_what_has_no_numbers_says_so(value, problem) -> None:
    shown, *others = ask(value, bins=4)
    assert problem in shown.problem and not others


def test_without_elements() -> None:
    shown, counted = ask(torch.zeros(0, 3), heat=(4, 4), bins=4)
    assert (shown.problem, shown.shape, shown.size, shown.values, shown.heat) == ("", (0, 3), (0, 3), (), ())
    assert counted.summary.numel == 0 and counted.bins == ()


def test_only_the_window_is_read() -> None:
    huge = torch.zeros(1).expand(10**5, 10**5)  # 10¹⁰ elements: 40 GB if anybody touched them all
    shown, *_ = ask(huge, first=(99_998, 99_990), heat=(20, 30))
    assert shown.size == (10**5, 10**5)
    assert [len(row) for row in shown.values] == [4, 4]
    assert (len(shown.heat), len(shown.heat[0])) == (20, 30) and shown.every == (5000, 3334)


def test_a_vector_is_folded() -> None:
    shown, *_ = ask(torch.arange(10.0), first=(1, 0))
    assert shown.is_vector and shown.size == (3, 4)
    assert shown.values == ((4.0, 5.0, 6.0, 7.0), (8.0, 9.0))


def test_no_more_than_two_dimensions_are_shown() -> None:
    shown, *_ = ask(torch.arange(24.0).reshape(2, 3, 4), index="...")
    assert shown.index == "[0, :, :]" and shown.size == (3, 4)


def test_asking_draws_no_random_numbers_and_leaves_no_history() -> None:
    state = torch.get_rng_state()
    weight = torch.nn.Parameter(torch.randn(50, 50))
    torch.set_rng_state(state)
    version = weight._version
    ask(weight, heat=(9, 9), bins=9, find=True)
    assert torch.equal(torch.get_rng_state(), state)
    assert weight._version == version and weight.grad is None


def test_modes_of_the_script_see_nothing() -> None:
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Functions(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(func)
            return func(*args, **(kwargs or {}))

    class Dispatch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append(func)
            return func(*args, **(kwargs or {}))

    value = torch.ones(3, 3)
    with Functions(), Dispatch():
        answers = ask(value, heat=(2, 2), bins=2)
    assert not seen and len(answers) == 3


@given(st.lists(st.one_of(st.floats(width=32), st.just(NAN)), max_size=40), st.integers(1, 7))
def test_statistics_by_pieces_are_those_of_the_whole(numbers, size) -> None:
    tensor = torch.tensor(numbers, dtype=torch.float64)
    assert [n for piece in pieces(tensor, size) for n in piece.reshape(-1).tolist()] == pytest.approx(
        numbers, nan_ok=True
    )
    *_, (summary, bins) = [each for each in count(tensor, (len(numbers),), "float64", "cpu", 5) if each]
    finite = [number for number in numbers if math.isfinite(number)]
    assert summary.nonfinite == len(numbers) - len(finite)
    assert sum(bins) == len(finite)
    if finite:
        assert (summary.min, summary.max) == (min(finite), max(finite))
        assert summary.norm == pytest.approx(math.hypot(*finite))
        assert summary.mean == pytest.approx(np.mean(finite), abs=1e-6 * max(map(abs, finite)))


def test_pieces_of_a_large_tensor_are_put_together() -> None:
    tensor = torch.randn(3, 700, 1000, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 5
    *_, (summary, bins) = [each for each in count(tensor, (3, 700, 1000), "float64", "cpu", 9) if each]
    assert summary.mean == pytest.approx(float(tensor.mean()), rel=1e-12)
    assert summary.std == pytest.approx(float(tensor.std(correction=0)), rel=1e-12)
    assert list(bins) == torch.histc(tensor, 9).tolist()


@given(st.data())
def test_an_index_is_numpys(data) -> None:
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    edge = st.one_of(st.none(), st.integers(-6, 6))
    part = st.one_of(st.builds(slice, edge, edge, st.one_of(st.none(), st.integers(1, 3))), st.integers(-5, 4))
    parts = [data.draw(part) for _ in range(data.draw(st.integers(0, len(shape))))]
    text = ", ".join(_written(each) for each in parts)
    array = np.arange(math.prod(shape)).reshape(shape)
    try:
        expected = array[tuple(parts)]
    except IndexError:
        with pytest.raises(BadIndex, match="out of range"):
            parse_index(text, shape)
        return
    found = parse_index(f"t[{text}]" if text else "", shape)
    assert np.array_equal(array[found], expected)
    assert np.array_equal(array[parse_index(short_text(found, shape), shape)], expected)


def _written(part) -> str:
    if isinstance(part, int):
        return str(part)
    edges = ["" if each is None else str(each) for each in (part.start, part.stop, part.step)]
    return ":".join(edges)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[0, :, 3", "is no index"),
        ("[x]", "neither an integer nor a slice"),
        ("[__import__('os')]", "neither an integer nor a slice"),
        ("[1.5]", "neither an integer nor a slice"),
        ("[True]", "neither an integer nor a slice"),
        ("[..., ...]", "only one"),
        ("[0, 0, 0]", "too many indices: 3, and the tensor has 2 dimensions"),
        ("[3]", "index 3 is out of range: dimension 0 has 3 elements"),
        ("[::-1]", "must be 1 or more"),
        ("[0][1]", "more than one index"),
        ("[" * 9999, "is no index"),
    ],
)
def test_a_bad_index_is_told(text, why) -> None:
    with pytest.raises(BadIndex, match=why):
        parse_index(text, (3, 4))


def test_a_slice_of_a_slice() -> None:
    assert cut(torch.arange(20.0).reshape(4, 5), "[1:, ::2]", 9).tensor.tolist()[0] == [5.0, 7.0, 9.0]


def test_what_can_not_be_held_is_left_out() -> None:
    with torch.inference_mode():
        unversioned = torch.ones(2)
    assert held(unversioned) is None and held(3.0) is None
    kept = held(tensor := torch.ones(2))
    assert kept is not None and not kept.is_overwritten
    tensor += 1
    assert kept.is_overwritten
