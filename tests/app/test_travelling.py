"""Which keys take the training back, and which only look back where it can not go."""

from __future__ import annotations

import pytest

from bptui.app.command_line import CommandLine
from bptui.app.widgets.virtual_table import VirtualTable
from bptui.protocol import Back, Travel

from .test_keys import SIZE, press, settle

pytestmark = pytest.mark.usefixtures("impatience")

COPIES = {"checkpoints": (0, 9, 40), "recorded": 40}


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        (("S",), Back("sample", 1)),
        (("5", "S"), Back("sample", 5)),
        (("O",), Back("op", 1)),
        (("3", "O"), Back("op", 3)),
        (("N",), Back("phase", 1)),
        (("C",), Back("hit")),
        (("E",), Travel(27)),
        (("2", "E"), Travel(18)),
        (("G",), Travel(40)),
        (("g", "1", "2", "enter"), Travel(12)),
        (("F",), Back("nonfinite")),
        (("g", "e", "0", "enter"), Travel(9)),
        (("g", "3", "5", "enter"), Travel(35)),
    ],
)
async def test_the_training_goes_back(at_seed, keys, command) -> None:
    app, link = at_seed(31, **COPIES)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
        assert link.sent == [command]


async def test_without_a_copy_they_look_back(at_seed) -> None:
    app, link = at_seed(40, recorded=40, no_return="the script has another thread: helper")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "S")
        assert "another thread: helper" in next(iter(app._notifications)).message
        await press(pilot, "O", "N", "C")
        assert (link.sent, app.view.step, app.view.looks_back) == ([], 38, True)


async def test_what_is_looked_at_is_where_it_goes_back_from(at_seed) -> None:
    app, link = at_seed(31, **COPIES)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.screen.query_one("#gradients VirtualTable", VirtualTable).focus()
        await press(pilot, "up", "up")
        assert (app.view.step, app.view.looks_back) == (28, True)
        await press(pilot, "S")
        assert link.sent == [Travel(28)]


@pytest.mark.parametrize(
    ("key", "begun"),
    [("equals_sign", "set "), ("K", "skip "), ("R", "race lr "), ("I", "bisect ")],
)
async def test_a_verb_is_begun_by_its_key(at_seed, key, begun) -> None:
    app, link = at_seed(31, **COPIES)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "colon", "x", "escape", key, "1")
        line = app.screen.query_one(CommandLine)
        assert (line.is_open, line.typed, link.sent) == (True, f"{begun}1", [])
