"""Norms of parameters: together, as a ratio, in order, and what is wrong with a gradient."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.app.panels.parameter_norms import ORDERS, in_order, joined, marks, matches, ratio, together, worst
from bptui.recording.parameters import Norms
from bptui.records import Parameter, ParameterStats

NAN, INF = math.nan, math.inf


def parameter(name="w", shape=(3,), is_frozen=False) -> Parameter:
    return Parameter(name, shape, "float32", "cpu", is_frozen)


def norms(*rows: ParameterStats | None) -> Norms:
    return Norms(*zip(*[row or (None, None, None) for row in rows], strict=True))


def test_norms_together() -> None:
    one, other, more = (
        ParameterStats(3.0, 0.5, 0.3),
        ParameterStats(4.0, None, 0.4),
        ParameterStats(4.0, 1.2, None),
    )
    known = norms(one, other, None, more)
    assert together(known, [0, 1, 2]) == ParameterStats(5.0, 0.5, 0.5)
    assert together(known, [0]) == one
    assert together(known, [2]) is together(known, []) is None
    assert together(known, [0, 3]) == ParameterStats(5.0, 1.3, 0.3)
    assert [*known] == [one, other, None, more]


@given(st.lists(st.floats(0, 1e300), min_size=1))
def test_joined_is_the_norm(norms: list[float]) -> None:
    assert joined(norms) == math.hypot(*norms)
    assert joined([*norms, INF]) == INF
    assert math.isnan(joined([*norms, INF, NAN]))
    assert joined([None, *norms, None]) == math.hypot(*norms)


def test_ratio() -> None:
    assert ratio(norms(ParameterStats(2.0, None, 0.002)), [0]) == 0.001
    frozen = ParameterStats(100.0, None, None)
    several = norms(ParameterStats(3.0, 1.0, 0.3), ParameterStats(4.0, 1.0, 0.4), frozen, None)
    assert ratio(several, range(4)) == 0.1
    assert ratio(several, []) is None
    for unknown in (None, frozen, ParameterStats(0.0, 1.0, 0.0), ParameterStats(None, 1.0, 0.1)):
        assert ratio(norms(unknown), [0]) is None


@pytest.mark.parametrize(
    ("frozen", "grad", "expected"),
    [
        (False, 1.0, ""),
        (False, 0.0, "zero"),
        (False, None, "none"),
        (False, NAN, "NaN"),
        (False, INF, "Inf"),
        (True, None, "frozen"),
        (True, 0.5, "frozen"),
        (True, NAN, "NaN"),
    ],
)
def test_marks(frozen: bool, grad: float | None, expected: str) -> None:
    stats = norms(None, ParameterStats(1.0, grad, 0.0))
    assert marks([parameter(), parameter(is_frozen=frozen)], stats) == ["", expected]


def test_what_is_not_known_is_not_marked() -> None:
    assert marks([parameter(), parameter(is_frozen=True)], norms(None, None)) == ["", "frozen"]


def test_the_worst_mark() -> None:
    assert worst(["", "zero", "Inf", "zero", "Inf"]) == ("Inf", 2)
    assert worst(["frozen", "none", "", "none", "none"]) == ("none", 3)
    assert worst(["", ""]) == worst([]) == ("", 0)


PARAMETERS = [parameter(f"h.{i}.w", (n,)) for i, n in ((9, 5), (10, 7), (1, 6), (2, 1), (0, 3))]
STATS = [
    ParameterStats(1.0, 0.5, 0.1),
    ParameterStats(3.0, NAN, 0.1),
    None,
    ParameterStats(2.0, INF, None),
    ParameterStats(5.0, None, 5.0),
]


@pytest.mark.parametrize(
    ("order", "forwards", "backwards"),
    [
        ("forward", [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]),
        ("name", [4, 2, 3, 0, 1], [1, 0, 3, 2, 4]),
        ("weight", [4, 1, 3, 0, 2], [0, 3, 1, 4, 2]),
        ("grad", [1, 3, 0, 2, 4], [0, 3, 1, 2, 4]),
        ("ratio", [4, 0, 1, 2, 3], [1, 0, 4, 2, 3]),
        ("size", [1, 2, 0, 4, 3], [3, 4, 0, 2, 1]),
    ],
)
def test_orders(order: str, forwards: list[int], backwards: list[int]) -> None:
    assert in_order(order, False, PARAMETERS, norms(*STATS), range(5)) == forwards
    assert in_order(order, True, PARAMETERS, norms(*STATS), range(5)) == backwards


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_keeps_what_is_kept(order: str) -> None:
    assert sorted(in_order(order, False, PARAMETERS, norms(*STATS), [1, 3])) == [1, 3]
    assert in_order(order, False, PARAMETERS, norms(*STATS), []) == []


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("attn", ["h.0.attn.weight", "h.1.Attn.bias"]),
        ("ATTN", ["h.0.attn.weight", "h.1.Attn.bias"]),
        ("*.bias", ["h.1.Attn.bias"]),
        ("h.?.mlp*", ["h.0.mlp.c[0]"]),
        ("h.[01].attn*", ["h.0.attn.weight", "h.1.Attn.bias"]),
        ("c[0]", ["h.0.mlp.c[0]"]),
        ("[", ["h.0.mlp.c[0]"]),
        ("", ["h.0.attn.weight", "h.1.Attn.bias", "h.0.mlp.c[0]"]),
        ("h*ght", ["h.0.attn.weight"]),
        ("weight?", []),
    ],
)
def test_patterns(pattern: str, names: list[str]) -> None:
    assert list(filter(matches(pattern), ["h.0.attn.weight", "h.1.Attn.bias", "h.0.mlp.c[0]"])) == names
