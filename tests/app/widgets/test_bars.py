"""Bars over a logarithmic axis."""

from __future__ import annotations

import pytest

from bptui.app.widgets.bars import Bar, axis, column, grown, names


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((-1.6, 0.2), (-2, 1)),
        ((-0.9, -0.4), (-1, 0)),
        ((2.5, None, 3.5), (2, 4)),
        ((-3.0,), (-3, -2)),
        ((-11.2, 1.0), (-12, 1)),
        ((None,), (-1, 0)),
        ((), (-1, 0)),
    ],
)
def test_the_axis_has_the_decades_around_the_values(
    values: tuple[float | None, ...], expected: tuple[int, int]
) -> None:
    assert axis([Bar("", value) for value in values]) == expected


@pytest.mark.parametrize(
    ("value", "letters", "drawn"),
    [
        (-0.5, "", ["  ", "  ", "██", "██"]),
        (-1.0, "", ["  ", "  ", "  ", "▁▁"]),
        (-0.5, "!", ["  ", "! ", "██", "██"]),
        (0.0, "!", ["! ", "██", "██", "██"]),
        (None, "NaN", ["  ", "N ", "a ", "N "]),
    ],
)
def test_the_letters_of_a_bar_are_always_seen(value: float | None, letters: str, drawn: list[str]) -> None:
    assert column(Bar("", value, letters), -1, 0, rows=4, width=2) == drawn


@pytest.mark.parametrize(
    ("labels", "fitted"),
    [
        (("model.first", "model.last"), ["first", "last"]),
        (("model.a.first", "network.b.last"), ["first", "last"]),
        (("generator.0", "discriminator.0"), []),
        (("model.embedding", "model.head"), []),
    ],
)
def test_labels_are_whole_and_differ_or_are_left_out(labels: tuple[str, ...], fitted: list[str]) -> None:
    assert names([Bar(label, 0.0) for label in labels], 8) == fitted


def test_an_axis_grows_and_moves_only_if_it_is_far_off() -> None:
    assert grown(None, (-3, -1)) == (-3, -1)
    assert grown((-3, -1), (-2, -1)) == (-3, -1)
    assert grown((-3, -1), (-4, -2)) == (-4, -1)
    assert grown((-8, 0), (-4, -1)) == (-8, 0)
    assert grown((-9, -8), (-2, -1)) == (-2, -1)
