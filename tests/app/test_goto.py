from __future__ import annotations

import pytest

from bptui.app.steps import epoch_forward
from bptui.app.view import View, look
from bptui.goals import Goal, epoch_start, find, parse_goal
from bptui.protocol import Status


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("120", Goal(None, 120)),
        (" 7 ", Goal(None, 7)),
        ("e3", Goal(3, None)),
        ("e 0", Goal(0, None)),
        ("3.5", Goal(3, 5)),
        ("0 · 1", Goal(0, 1)),
        ("", None),
        ("0", None),
        ("-3", None),
        ("3.0", None),
        ("e", None),
        ("E3x", None),
        ("1e3", None),
        ("3.5.1", None),
    ],
)
def test_parse(text: str, goal: Goal | None) -> None:
    assert parse_goal(text) == goal


def shown(reader, step: int) -> View:
    status = Status("paused", 0, reader.steps(0))
    return look(reader, View(status, commands=True), status, 0, step)


# Epochs of 3, 1 and 4 samples: steps 0-2, 3, 4-7.


@pytest.mark.parametrize(
    ("step", "count", "end"), [(0, 1, 2), (2, 1, 3), (3, 1, 7), (0, 2, 3), (7, 1, 7), (1, 9, 7)]
)
def test_epoch_forward(recorded, step: int, count: int, end: int) -> None:
    reader = recorded().epochs([3, 1, 4]).reader()
    assert epoch_forward(reader, shown(reader, step), count) == end


@pytest.mark.parametrize(
    ("step", "count", "first"), [(0, 1, 0), (2, 1, 0), (3, 1, 3), (6, 1, 4), (6, 2, 3), (6, 9, 0)]
)
def test_epoch_start(recorded, step: int, count: int, first: int) -> None:
    reader = recorded().epochs([3, 1, 4]).reader()
    assert epoch_start(reader, 0, step, count) == first


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("1", 0),
        ("4", 3),
        ("99", 98),
        ("e0", 2),
        ("e1", 3),
        ("0.2", 1),
        ("0.4", "epoch 0 has 3 samples"),
        ("1.1", 3),
    ],
)
def test_find_in_what_has_ended(recorded, text: str, place: int | str) -> None:
    reader = recorded().epochs([3, 1, 4]).reader()
    assert find(reader, 0, reader.steps(0), parse_goal(text)) == place


def declared(recorded, count: int):
    rows = [{"epoch": step // 9, "index": step % 9, "loss": 1.0} for step in range(count)]
    return recorded().samples(rows, samples=9, epochs=100).reader()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("1.2", 10),
        ("1.8", 16),
        ("e1", 17),
        ("e3", 35),
        ("3.1", 27),
        ("1.10", "epoch 1 has 9 samples"),
        ("3.10", "epoch 3 has 9 samples"),
        ("e99", 899),
        ("e100", "the run ends with epoch 99"),
        ("901", "the run has 900 samples"),
    ],
)
def test_find_what_is_to_come(recorded, text: str, place: int | str) -> None:
    reader = declared(recorded, 12)
    assert find(reader, 0, 12, parse_goal(text)) == place


def test_find_in_an_epoch_of_unknown_length(recorded) -> None:
    reader = recorded().epochs([3, 4], declared=False).reader()
    assert find(reader, 0, 7, parse_goal("e0")) == 2
    assert find(reader, 0, 7, parse_goal("1.6")) == 8
    assert (
        find(reader, 0, 7, parse_goal("e1"))
        == "epoch 1 has not ended, and the loop does not say how long an epoch is"
    )
    assert (
        find(reader, 0, 7, parse_goal("2.1"))
        == "epoch 2 has not begun, and the loop does not say how long an epoch is"
    )


def test_find_before_anything(recorded) -> None:
    reader = recorded().reader()
    assert find(reader, 0, reader.steps(0), parse_goal("e3")).startswith(
        "how long an epoch is shows with the first"
    )
    assert find(reader, 0, reader.steps(0), parse_goal("5")) == 4
