"""Breakpoints and watches in the app: panels, inputs, keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Input, Static
from textual.widgets._footer import FooterKey
from textual.widgets._toast import Toast

from bptui.app.app import BptuiApp
from bptui.app.panels.source import SourcePanel
from bptui.app.screens.break_at import BreakAt
from bptui.app.screens.main import PanelTabs
from bptui.breakpoints import parse_any
from bptui.protocol import Breakpoints, Edited, HitSeen, Status, Watched, Watches
from bptui.records import Edit, Hit, Hits, Value

from .test_states import SIZE, settle, text

ALL = tuple(
    parse_any(each, number)
    for number, each in enumerate(
        ("nan", "once op mul if step > 4", "log loss {loss:.3f} if step % 3 == 0", "linear.py:27", "loss > 3"), 1
    )
)
HITS = (Hits(1, 2, 4), Hits(3, 1, 3), Hits(5, 0, -1, "ZeroDivisionError: float division by zero"))


def stopped(**more) -> Status:
    return Status("paused", 0, 4, breakpoints=ALL, hits=HITS, hit=(1,), detail="breakpoint 1: nan", **more)


async def test_the_panel_lists_them_and_its_keys_change_them(at_seed) -> None:
    app, link = at_seed(4)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        link.say(stopped())
        await pilot.press("B")
        await settle(pilot)
        shown = text(app, "#breakpoints")
        assert "▶  1 nan" in shown
        assert "once: " in shown
        assert "– op " in shown
        assert "– line" in shown
        assert "ZeroDivisionError" in shown
        await pilot.press("down", "space")
        await settle(pilot)
        assert [each.is_enabled for each in link.sent[-1].breakpoints] == [True, False, True, True, True]
        await pilot.press("minus", "up", "plus", "U")
        await settle(pilot)
        dropped, ignored, added = (command.breakpoints for command in link.sent[-3:])
        assert [each.id for each in dropped] == [1, 3, 4, 5]
        assert ignored[0].ignore == 3
        assert (added[-1].id, added[-1].text) == (6, "nograd")


async def test_the_panel_takes_no_key_of_the_footer(at_seed) -> None:
    app, _ = at_seed(4)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "phase" in _footer(app)
        await pilot.press("B")
        await settle(pilot)
        assert "phase" in _footer(app)


def _footer(app: BptuiApp) -> list[str]:
    return [key.description for key in app.screen.query(FooterKey) if key.display]


@pytest.mark.parametrize("key", ["B", "W", "D", "H"])
async def test_where_there_is_little_room_its_tab_is_there_while_it_is_shown(at_seed, key) -> None:
    app, _ = at_seed(4)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert not _tabs(app).endswith(f" {key}")
        await pilot.press(key)
        await settle(pilot)
        assert _tabs(app).endswith(f" {key}")


def _tabs(app: BptuiApp) -> str:
    return str(app.screen.query_one(PanelTabs).content)


async def test_of_a_recording_it_lists_those_that_have_hit(recorded) -> None:
    recorded = recorded().target().epochs([9])
    for hit in (Hit(2, 4, "op relu", "forward · relu · net.1"), Hit(3, 1, "loss > 3"), Hit(5, 1, "loss > 3")):
        recorded.writer.hit(HitSeen(hit))
    app = BptuiApp(reader=recorded.state("finished").reader())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("B")
        await settle(pilot)
        rows = [line.split() for line in text(app, "#breakpoints").splitlines() if "●" in line]
        shown = [" ".join(words).strip("│› ") for words in rows]
        assert shown[0] == "● 1 loss > 3 2 6"
        assert shown[1].startswith("● 4 op relu forward") and shown[1].endswith("1 3")
        await pilot.press("space", "minus")
        await settle(pilot)
        assert "op relu" in text(app, "#breakpoints")


async def test_one_is_added_by_typing(at_seed) -> None:
    app, link = at_seed(4)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("B", "a")
        await settle(pilot)
        for typed, said in (
            ("loss > 3 * meen(loss)", "no function is called 'meen'; did you mean 'mean'?"),
            ("opp mul", "did you mean 'op'?"),
            ("log {lss}", "nothing is called 'lss'"),
            ("once nan", "stops once as soon as"),
            ("op relu", "10 times as long"),
        ):
            app.screen.query_one(Input).value = typed
            await settle(pilot)
            assert said in str(app.screen.query_one("#meaning", Static).content)
        app.screen.query_one(Input).value = "loss > 3 * mean(loss, 10)"
        await pilot.press("enter")
        await settle(pilot)
        (added,) = link.sent[-1].breakpoints
        assert (added.id, added.condition) == (1, "loss > 3 * mean(loss, 10)")


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (("2", "b"), "sample 4"),
        (("1", "end", "b"), "op pow"),
        (("1", "home", "b"), "param weight"),
        (("4", "b"), "linear.py:"),
        (("4", "up", "up", "f9"), "linear.py:"),
    ],
)
async def test_b_stops_at_what_is_selected(at_seed, keys, place) -> None:
    app, link = at_seed(4)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press(*keys)
        await settle(pilot)
        (added,) = link.sent[-1].breakpoints
        assert added.text.startswith(place)
        link.say(Status("paused", 0, 4, breakpoints=(added,)))
        await settle(pilot)
        if added.line:
            assert f"●{added.line} " in text(app, "#source")
        await pilot.press(keys[-1])
        await settle(pilot)
        assert link.sent[-1] == Breakpoints(())


async def test_b_below_all_code_says_so(at_seed, tmp_path, monkeypatch) -> None:
    app, link = at_seed(4)
    (tmp_path / "train.py").write_text("a = 1\n# the end\n")
    monkeypatch.setattr(SourcePanel, "stop_at", lambda self, view: f"{tmp_path}/train.py:2")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("4", "b")
        await settle(pilot)
        (said,) = app.screen.query(Toast)
        assert "there is no code in train.py from line 2 on" in str(said.render())
        assert not any(isinstance(each, Breakpoints) for each in link.sent)


async def test_editing_without_a_change_changes_nothing(at_seed) -> None:
    app, link = at_seed(4)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        old = replace(parse_any("once nan", 7), is_enabled=False, ignore=2)
        link.say(Status("paused", 0, 4, breakpoints=(old,)))
        await pilot.press("B", "enter")
        await settle(pilot)
        assert app.screen.query_one(Input).value == "once nan"
        await pilot.press("enter")
        await settle(pilot)
        assert link.sent[-1] == Breakpoints((old,))


async def test_tab_completes_in_the_input(at_seed) -> None:
    app, _ = at_seed(4)
    words = {"nogr": "nograd", "once param fc": "once param fc1.weight", "isn": "isnan", "q": "q"}
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await app.push_screen(BreakAt(None, ["fc1.weight"]))
        field = app.screen.query_one(Input)
        for begun, whole in words.items():
            field.value = begun
            await pilot.press("tab")
            await settle(pilot)
            assert (field.value, field.cursor_position, field.has_focus) == (whole, len(whole), True)


async def test_an_expression_is_watched(at_seed) -> None:
    app, link = at_seed(4)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("w")
        await settle(pilot)
        app.screen.query_one(Input).value = "weight +"
        await settle(pilot)
        assert "^\ninvalid syntax" in str(app.screen.query_one("#problem", Static).content)
        app.screen.query_one(Input).value = "-" * 100_000 + "1"
        await settle(pilot)
        assert "it is too deep" in str(app.screen.query_one("#problem", Static).content)
        app.screen.query_one(Input).value = "weight +"
        await settle(pilot)
        await pilot.press("enter")
        app.screen.query_one(Input).value = "weight * 2"
        await pilot.press("enter")
        await settle(pilot)
        assert link.sent[-1] == Watches(("weight * 2",))


async def test_watches_are_shown_as_they_were(recorded) -> None:
    recording = recorded().target().epochs([5])
    recording.writer.edit(Edited(Edit(3, "lr", "0.1", "0.01")))
    for steps in range(1, 6):
        values = {"x": Value(f"{steps}.5", "float", steps + 0.5), "y": Value(problem="NameError: name 'y'")}
        recording.writer.watched(Watched(steps, values | {"z": Value("tensor([1, 2])", "int64 2")}))
    from bptui.app.app import BptuiApp

    app = BptuiApp(reader=recording.state("finished", code=0).reader())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("W")
        await settle(pilot)
        shown = text(app, "#watches")
        for part in ("5.5000", "1.0000", "▁▃▅◆█", "y  ! NameError: name 'y'", "z  tensor([1, 2])"):
            assert part in shown
        await pilot.press("S", "S")
        await settle(pilot)
        assert "3.5000" in text(app, "#watches")
