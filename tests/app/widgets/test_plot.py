from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.app.widgets.plot import bars, range_plots

FLOATS = st.floats()


def range_plot(columns, height=1):
    return tuple("".join(sign for sign, _, _ in row) for row in range_plots(columns, height=height))


def test_two_columns_a_character() -> None:
    assert range_plot([(0, 0), (1, 1), (2, 2), (3, 3)]) == ("⡠⠊",)


def test_a_range_is_a_line() -> None:
    assert range_plot([(0, 3), (1, 2)]) == ("⡷",)


def test_rows_of_four_dots_each() -> None:
    assert range_plot([(0, 0), (7, 7)], height=2) == ("⠈", "⡀")


def test_equal_values_are_a_line_in_the_middle() -> None:
    assert range_plot([(5, 5)] * 4) == ("⠤⠤",)


def test_gaps_and_what_is_not_finite_leave_no_dots() -> None:
    assert range_plot([None, None, (0, nan), (0, inf), (0, 0), (3, 3)]) == ("  ⡈",)


def test_nothing_to_plot() -> None:
    assert range_plot([]) == ("",)
    assert range_plot([None], height=2) == (" ", " ")


def test_one_series_over_another_on_one_scale():
    first, second = [(0, 0)] * 4, [(0, 0), (0, 0), (3, 3), (3, 3), (3, 3), (3, 3)]
    assert range_plots(first, second) == ((("⣀", True, True), ("⣉", True, True), ("⠉", False, True)),)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([1, 2, 3], "▁▅█"),
        ([0, None, 7], "▁ █"),
        ([0, nan, 7, inf], "▁×█×"),
        ([2, 2], "▄▄"),
        ([-1e308, 1e308], "▁█"),
        ([0, 5e-324], "▄▄"),
    ],
)
def test_bars(values: list[float | None], drawn: str) -> None:
    assert bars(values) == drawn


@given(st.lists(st.none() | st.tuples(FLOATS, FLOATS)), st.integers(1, 5))
def test_any_floats_fill_the_same_rectangle(columns: list[tuple[float, float] | None], height: int) -> None:
    rows = range_plot(columns, height)
    assert len(rows) == height
    assert {len(row) for row in rows} == {(len(columns) + 1) // 2}


@given(st.lists(st.none() | FLOATS))
def test_one_bar_a_value(values: list[float | None]) -> None:
    assert len(bars(values)) == len(values)
