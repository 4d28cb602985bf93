"""The line under `:`, on a session that is a fake."""

from __future__ import annotations

import pytest

from bptui.app.command_line import CommandLine
from bptui.app.messages import AnswerArrived
from bptui.protocol import Evaluate, Evaluated, Interrupt, Status, Step
from bptui.records import Value

pytestmark = pytest.mark.usefixtures("impatience")


@pytest.fixture(autouse=True)
def state(monkeypatch, tmp_path):
    monkeypatch.setattr("bptui.paths.history", lambda: tmp_path / "state" / "history")
    return tmp_path / "state" / "history"


async def typed(pilot, text: str) -> None:
    await pilot.press(*("space" if character == " " else character for character in text))


async def until(pilot, condition) -> None:
    for _ in range(200):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came to that")


async def test_a_line_is_done(at_seed, state) -> None:
    state.parent.mkdir()
    state.write_text("print loss\n")
    app, link = at_seed(5, stop=1)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.view.sample is not None)
        focused = app.screen.focused
        line = app.screen.query_one(CommandLine)
        await pilot.press("colon")
        assert line.is_open

        await typed(pilot, "unt")
        await pilot.press("tab")
        await typed(pilot, "loss <")
        await pilot.press("enter")
        await until(pilot, lambda: line.lines[-1:] == ["invalid syntax"])
        caret = line.lines[-2]
        assert (line.typed, caret.index("^")) == ("until loss <", len(": until loss <"))
        await typed(pilot, " 2")
        await pilot.press("enter")
        await until(pilot, lambda: link.sent and link.sent[-1] == Step("run", until="loss < 2"))
        assert line.typed == ""
        link.say(Status("paused", 0, 7, stop=2, detail="it holds"))
        await until(pilot, lambda: line.lines[-1] == "it holds")
        assert line.lines[-2].startswith("epoch 0 · sample 7 · loss ")

        await pilot.press("up", "up", "up")
        assert line.typed == "print loss"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(link.sent[-1], Evaluate))
        asked = link.sent[-1]
        await pilot.press("ctrl+c")
        await until(pilot, lambda: link.sent[-1] == Interrupt())
        app.post_message(AnswerArrived(Evaluated(asked.request, Value(problem="interrupted"))))
        await until(pilot, lambda: line.lines[-1] == "interrupted")

        await typed(pilot, "prnt loss")
        await pilot.press("enter", "ctrl+c")
        assert line.typed == ""

        await typed(pilot, "goto 2")
        await pilot.press("enter")
        await until(pilot, lambda: app.view.step == 1 and app.view.looks_back)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.focused is focused)
        assert not line.is_open
        assert state.read_text().splitlines()[-4:] == ["until loss < 2", "print loss", "prnt loss", "goto 2"]


async def test_a_recording_can_be_looked_at(at_seed) -> None:
    app, link = at_seed(5)
    link.viewer = True
    app._training.obeys = False
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.view.sample is not None)
        line = app.screen.query_one(CommandLine)
        await pilot.press("colon")
        await typed(pilot, "step")
        await pilot.press("enter")
        await until(pilot, lambda: "only what was recorded" in line.lines[-1])
        await typed(pilot, "info sample")
        await pilot.press("enter")
        await until(pilot, lambda: any(each.startswith("weight_after") for each in line.lines))
        assert not link.sent
