"""Samples as rows of numbers, and when their layout changes."""

import math

import numpy as np
import pytest
import torch

from bptui.debuggee.rows import RowReader
from bptui.debuggee.samples import BadSample
from bptui.debuggee.stats import summarise
from bptui.protocol import from_json
from bptui.records import QUANTITIES, Kind, Place, Sample, TensorSummary

LOSS = 2 + QUANTITIES.index("loss")


@pytest.fixture
def reader():
    return RowReader()


def read(reader, loss, line=7, **rest):
    return reader.read(Sample(epoch=3, index=4, loss=loss, **rest), line, "loop.py")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (2.5, Kind((), "float", "cpu")),
        (2, Kind((), "int", "cpu")),
        (True, Kind((), "bool", "cpu")),
        (np.float32(2.5), Kind((), "float32", "cpu")),
        (np.int16(2), Kind((), "int16", "cpu")),
        (np.array([2.5]), Kind((1,), "float64", "cpu")),
        (torch.tensor(2.5), Kind((), "float32", "cpu")),
        (torch.tensor([[2.5]], dtype=torch.float8_e5m2), Kind((1, 1), "float8_e5m2", "cpu")),
        (torch.tensor([2.5], dtype=torch.bfloat16), Kind((1,), "bfloat16", "cpu")),
        (torch.tensor([2], dtype=torch.uint64), Kind((1,), "uint64", "cpu")),
        (torch.tensor([True]), Kind((1,), "bool", "cpu")),
        (torch.tensor([3 + 4j]), Kind((1,), "complex64", "cpu")),
        (torch.tensor([2.5]).to_sparse(), Kind((1,), "float32", "cpu")),
        (torch.nn.Parameter(torch.tensor([2.5])), Kind((1,), "float32", "cpu")),
        ([2.5], Kind((1,), "float64", "cpu")),
    ],
    ids=repr,
)
def test_one_element_is_a_number_and_nothing_else(reader, value, kind):
    for _ in range(3):
        row = read(reader, value)
        assert row.numbers[:2] == (3, 4) and row.tensors == ()
        assert TensorSummary.of_one(row.numbers[LOSS], kind) == summarise(value)
    assert [layout.kinds for layout in reader.layouts] == [{"loss": kind}]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0])
@pytest.mark.parametrize("wrap", [float, np.float64, torch.tensor, lambda value: torch.tensor([value]).half()])
def test_odd_numbers_come_through(reader, value, wrap):
    assert repr(read(reader, wrap(value)).numbers[LOSS]) == repr(value)


def test_several_elements_are_their_norm_with_the_summary_beside_it(reader):
    row = read(reader, torch.tensor([3.0, 4.0]), grad=np.zeros((2, 2)))
    assert row.numbers[LOSS] == 5.0
    assert [(name, from_json(TensorSummary, text)) for name, text in row.tensors] == [
        ("loss", summarise(torch.tensor([3.0, 4.0]))),
        ("grad", summarise(np.zeros((2, 2)))),
    ]


def test_a_norm_is_nan_where_an_element_is_not_finite(reader):
    assert math.isnan(read(reader, torch.tensor([1.0, math.inf])).numbers[LOSS])
    assert math.isnan(read(reader, torch.full((100,), math.nan)).numbers[LOSS])
    assert read(reader, torch.empty(0)).numbers[LOSS] == 0.0


def test_an_int_for_which_a_double_has_no_place_keeps_its_digits(reader):
    ((name, text),) = read(reader, torch.tensor([2**53 + 1])).tensors
    assert (name, from_json(TensorSummary, text).item) == ("loss", 2**53 + 1)
    assert read(reader, 2**53).tensors == ()


def test_a_meta_tensor_is_no_number(reader):
    for shape in ((), (3, 4)):
        row = read(reader, torch.empty(shape, device="meta"))
        assert math.isnan(row.numbers[LOSS]) and len(row.tensors) == 1


CHANGES = [
    1.0, 2, None, torch.tensor(1.0), torch.tensor([1.0]), torch.ones(1, 1), torch.ones(()).double(), np.float32(1),
    torch.ones(2), torch.ones(3), torch.ones(2).int(), np.ones(2), [1.0, 2.0], torch.tensor(1), True,
    torch.nn.Parameter(torch.ones(())), torch.empty((), device="meta"),
]  # fmt: skip


def test_every_change_is_noticed_and_a_layout_that_comes_back_is_known(reader):
    for one in CHANGES:
        for other in CHANGES:
            for value in (one, other):
                row = read(reader, value)
                kinds = {} if value is None else {"loss": Kind(*kind_key(value))}
                assert reader.layouts[row.layout].kinds == kinds
                assert len(row.tensors) == (value is not None and summarise(value).item is None)
    assert len({str(layout) for layout in reader.layouts}) == len(reader.layouts) <= len(CHANGES)


def kind_key(value):
    summary = summarise(value)
    return summary.shape, summary.dtype, summary.device


def test_what_is_declared_and_where_it_stopped_belong_to_the_layout(reader):
    first = read(reader, 1.0)
    assert read(reader, 1.0).layout == first.layout
    for changed in ({"samples": 9}, {"epochs": 2}, {"line": 8}):
        assert read(reader, 1.0, **changed).layout != first.layout
    assert reader.layouts[1].samples == 9 and reader.layouts[2].epochs == 2
    assert reader.layouts[3].place == Place("loop.py", 8)
    assert read(reader, 1.0).layout == first.layout


def test_the_tensors_of_a_sample_whose_layout_changed_are_there_once(reader):
    read(reader, 1.0, input=torch.ones(2))
    row = read(reader, torch.ones(3), input=torch.ones(2))
    assert [name for name, _ in row.tensors] == ["input", "loss"]


@pytest.mark.parametrize(
    "bad",
    ["low", {"a": 1}, object(), ["a"], [[1], [2, 3]], 10**400, np.array([None])],
    ids=["text", "dict", "object", "list of text", "uneven", "too large", "array of objects"],
)
@pytest.mark.parametrize("before", [None, 1.0, 1, torch.ones(1), torch.ones(2)], ids=repr)
def test_what_is_no_number_is_a_line_that_names_the_key(reader, before, bad):
    read(reader, before)
    with pytest.raises(BadSample, match=r"^key 'loss' must be a tensor, an array or a number: .") as refused:
        read(reader, bad)
    assert "\n" not in str(refused.value)
    assert read(reader, 2.0).numbers[LOSS] == 2.0
