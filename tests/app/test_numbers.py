from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.app.numbers import DOWN, SAME, UP, cell, direction, nonfinite, norm, norm_cell, number, shape, short
from bptui.records import Kind, TensorSummary

INF, NAN = math.inf, math.nan


def one(value: float) -> TensorSummary:
    return TensorSummary.of_one(value, Kind((1,), "float32", "cpu"))


def many(
    norm: float | None = 5.0, nans: int = 0, neg_infs: int = 0, shape: tuple[int, ...] = (3,)
) -> TensorSummary:
    return TensorSummary(shape, "float32", "cpu", -4.0, 3.0, 0.0, 1.0, norm, 0, nans, 0, neg_infs, (1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    ("value", "width", "decimals", "text"),
    [
        (1.0, 8, 4, "1.0000"),
        (-15.680000305175781, 8, 4, "-15.6800"),
        (123456.789, 8, 4, "123456.8"),
        (99999.9999, 8, 4, "100000.0"),
        (12345678.0, 8, 4, "12345678"),
        (123456789.0, 8, 4, "1.2346e8"),
        (0.0, 8, 4, "0.0000"),
        (0.001, 8, 4, "0.0010"),
        (5.0316742999712005e-05, 8, 4, "5.032e-5"),
        (-5.0316742999712005e-05, 8, 4, "-5.03e-5"),
        (1e-300, 8, 4, "1.0e-300"),
        (-0.009, 5, 3, "-9e-3"),
        (5, 8, 4, "5"),
        (-12, 8, 4, "-12"),
        (0, 8, 4, "0"),
        (10**20, 8, 4, "1.000e20"),
        (NAN, 8, 4, "NaN"),
        (INF, 8, 4, "+Inf"),
        (-INF, 8, 4, "-Inf"),
    ],
)
def test_number(value: float, width: int, decimals: int, text: str) -> None:
    assert number(value, width, decimals) == text


FLOATS = st.floats(-1e300, 1e300) | st.just(math.nan) | st.integers(-(2**53), 2**53)


@given(FLOATS, st.integers(6, 14), st.integers(0, 4))
def test_a_number_fits_and_a_small_one_never_looks_like_zero(value: float, width: int, decimals: int) -> None:
    text = number(value, width, decimals)
    assert len(text) <= width or 0 < abs(value) < 1e-99 or abs(value) > 1e99
    if math.isfinite(value):
        assert (float(text) == 0) == (value == 0)
        assert value == 0 or math.isclose(float(text), value, rel_tol=0.5)
        assert not text.startswith("-") or value < 0


def test_a_cell_is_the_value_of_one_element_and_the_norm_of_several() -> None:
    assert cell(one(2.5), 8).plain == "2.5000"
    assert cell(many(), 8).plain == "‖5.0000"
    assert cell(None, 8).plain == "–"
    assert cell(many(norm=None, shape=(0,)), 8).plain == "empty"


def test_what_is_not_finite_stands_out_in_letters_and_colour() -> None:
    for summary, text in ((one(NAN), "NaN"), (one(INF), "+Inf"), (many(nans=2, neg_infs=1), "2 NaN, 1 -Inf")):
        shown = cell(summary, 20)
        assert shown.plain == text
        assert [str(span.style) for span in shown.spans] == ["bold $text-error"]
    assert cell(one(1.0), 8).spans == []
    assert nonfinite(many()) == ""


@pytest.mark.parametrize(
    ("now", "before", "mark"),
    [
        (one(2.0), one(1.0), UP),
        (one(-2.0), one(-1.0), DOWN),
        (one(1.0), one(1.0), SAME),
        (one(NAN), one(1.0), SAME),
        (one(1.0), None, SAME),
        (None, one(1.0), SAME),
        (many(6.0), many(5.0), UP),
        (many(6.0), many(5.0, shape=(4,)), SAME),
        (one(INF), one(1.0), UP),
    ],
)
def test_direction(now: TensorSummary | None, before: TensorSummary | None, mark: str) -> None:
    assert direction(now, before) == mark


def test_shape() -> None:
    assert shape(many(shape=(3, 4))) == "3×4"
    assert shape(many(shape=())) == "scalar"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1K"), (12_345, "12.3K"), (999_499, "999K"), (999_500, "1M"),
     (124_439_808, "124M"), (7 * 10**12, "7T")],
)  # fmt: skip
def test_short(count: int, text: str) -> None:
    assert short(count) == text


def test_norms() -> None:
    assert [norm(value, 7).plain for value in (None, 0.0, 1.5, 1.23e-5, NAN, INF)] == [
        "–", "0.0000", "1.5000", "1.23e-5", "NaN", "+Inf",
    ]  # fmt: skip
    assert norm_cell(many(5.5), 8).plain == "5.5000"
