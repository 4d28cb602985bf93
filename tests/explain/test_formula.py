"""One text of a formula: read, computed, and written in symbols and in numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.explain.formula import formula
from bptui.explain.text import bracketed, index, number, shape


@pytest.mark.parametrize(
    ("text", "symbols", "numbers"),
    [
        ("g * b", "g · b", "−2 · 3"),
        ("g * n * a ** (n - 1)", "g · n·aⁿ⁻¹", "−2 · 2·(−1.5)"),
        ("g * (1 - b ** 2)", "g · (1 − b²)", "−2 · (1 − 3²)"),
        ("g / (2 * b)", "g/(2·b)", "−2/(2·3)"),
        ("-(g * a / b ** 2)", "−g · a/b²", "−(−2 · (−1.5)/3²)"),
        ("-g", "−g", "−(−2)"),
        ("g * one", "g · one", "−2"),
        ("a - (b - g)", "a − (b − g)", "−1.5 − (3 − (−2))"),
        ("a / (b / g)", "a/(b/g)", "−1.5/(3/(−2))"),
        ("a ** 2 * a ** -0.5", "a²·a^(−0.5)", "(−1.5)²·(−1.5)^(−0.5)"),
        ("f(g * a)", "f(g·a)", "f(−2·(−1.5))"),
        ("g * (a > 0)", "g · [a > 0]", "−2 · [−1.5 > 0]"),
        ("g @ T(b)", "g·bᵀ", "−2·3ᵀ"),
    ],
)  # fmt: skip
def test_it_is_written_in_symbols_and_in_numbers(text, symbols, numbers):
    names = {"g": -2.0, "a": -1.5, "b": 3.0, "n": 2, "one": 1}
    values = {**names, "g": -2.0}
    assert formula(text).text() == symbols

    def leaf(piece, given):
        return None if piece.is_call or piece.is_comparison else number(given[piece.name])

    assert formula(text).text(leaf, values) == numbers


SIGNS = str.maketrans({"·": "*", "−": "-", "²": "**2", "³": "**3"})


def expressions():
    names = st.sampled_from(["a", "b", "c"])
    return st.recursive(
        names,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
                lambda t: f"({t[0]}) {t[1]} ({t[2]})"
            ),
            inner.map(lambda t: f"-({t})"),
            inner.map(lambda t: f"({t}) ** 2"),
        ),
        max_leaves=8,
    )


@given(expressions(), *[st.sampled_from([-2.5, -1.0, 0.5, 3.0, 4.25])] * 3)
def test_what_is_written_comes_to_what_is_computed(text, a, b, c):
    names = {"a": a, "b": b, "c": c}

    def leaf(piece, given):
        return number(given[piece.name])

    try:
        value = formula(text).value(names)
    except ZeroDivisionError:
        return
    # Ones are left out where they are exact and change nothing.
    written = eval(formula(text).text(leaf, names).translate(SIGNS))
    assert math.isclose(written, value, rel_tol=1e-9, abs_tol=1e-9)


def test_numbers_are_short_and_true():
    told = {
        -5.40960001: "−5.4096", 3.0: "3", -0.0: "0", 0.5: "0.5", 1.5e-7: "1.500e−7", 12345678.0: "1.235e7",
        math.nan: "NaN", -math.inf: "−Inf", 1 / 3: "0.3333", 0.00012: "1.200e−4",
    }  # fmt: skip
    assert {value: number(value) for value in told} == told
    assert bracketed("−3") == "(−3)" and bracketed("3") == "3"
    assert (shape((4, 3)), shape(()), index((1, 2)), index(())) == ("4×3", "one number", "[1, 2]", "")
