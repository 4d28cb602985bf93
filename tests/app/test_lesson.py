"""The text of a lesson: the docstring of what is debugged, beside the panels."""

from __future__ import annotations

import pytest

from bptui.app.lesson_text import _docstring, lesson_text, rendered
from bptui.app.view import View
from bptui.protocol import Status, Step
from bptui.records import Target

from .test_snapshots import MEDIUM, SMALL, stand_still, then, utc  # noqa: F401

SOURCE = '''
"""Trains a net.

It is long, so long
that it goes on.
"""

def loop(lr: float = 0.1):
    """Learn nothing.

    What to look at:
        1. `s` runs a sample,
           and one sees it.
        2. `e`: the end.

    Args:
        lr: The learning rate.

    Solutions:
        1: There is none.
    """
'''


def test_it_is_the_docstring_of_the_function_or_else_of_the_script() -> None:
    assert _docstring("train.py", SOURCE).startswith("Trains a net.\n\nIt is long")
    text = _docstring("loop", SOURCE)
    assert text.startswith("Learn nothing.")
    assert "learning rate" not in text
    assert "There is none." in text
    assert _docstring("train.py", "x = 1") == _docstring("train.py", "def (") == ""


@pytest.mark.parametrize(
    ("name", "torch", "title"),
    [
        ("loop.py:loop", "2.0.0", "Learn nothing."),
        ("loop.py --entry package:loop", "", "Trains a net."),
        ("-m loop", "", "Trains a net."),
    ],
)
def test_an_argument_of_a_script_is_no_function(recorded, name: str, torch: str, title: str) -> None:
    reader = recorded().target(source=SOURCE).reader()
    view = View(Status("paused", 0, 0), target=Target(name, name, "/x/loop.py", 1, {}, "3.11.0", torch))
    assert lesson_text(view, reader).partition("\n")[0] == title
    reader.close()


def test_paragraphs_are_wrapped_and_items_hang() -> None:
    assert rendered(_docstring("train.py", SOURCE), 20).plain.splitlines() == [
        "Trains a net.", "", "It is long, so long", "that it goes on.",
    ]  # fmt: skip
    assert rendered(_docstring("loop", SOURCE), 22).plain.splitlines()[2:7] == [
        "What to look at:", "1. s runs a sample,", "   and one sees it.", "2. e: the end.", "",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [MEDIUM, SMALL], ids=["medium", "small"])
def test_the_seeds(snap_compare, at_seed, size) -> None:
    app, _ = at_seed(3)
    assert snap_compare(app, terminal_size=size, run_before=then("l"))


@pytest.mark.parametrize("size", [MEDIUM, SMALL], ids=["medium", "small"])
async def test_one_steps_while_it_stands_there(at_seed, size) -> None:
    app, link = at_seed(3)
    async with app.run_test(size=size) as pilot:
        await stand_still(pilot)
        before = app.screen.active
        await then("l")(pilot)
        lesson, source = app.screen.panel("lesson"), app.screen.panel("source")
        assert lesson.is_on_screen and not source.is_on_screen
        assert "Learn y = 3x from nine samples" in str(lesson.border_title)
        await then("s")(pilot)
        assert link.sent == [Step("sample")]
        for key in ("l", "escape"):
            await then(key)(pilot)
            assert not lesson.is_on_screen
            assert app.screen.active == before
            await then("l")(pilot)
            assert lesson.is_on_screen
        await then("l")(pilot)
        await then("l")(pilot)
        app.screen.choose(4)
        await stand_still(pilot)
        assert source.is_on_screen and not lesson.is_on_screen
