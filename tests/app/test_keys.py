"""Which command each key sends, and what it shows; the session is a fake that remembers."""

from __future__ import annotations

import dataclasses

import pytest
from textual.command import CommandPalette
from textual.widgets import Input, OptionList

from bptui.app.actions import ACTIONS
from bptui.app.app import BptuiApp
from bptui.app.screens.confirm import Confirm
from bptui.app.screens.goto import Goto
from bptui.app.screens.help import Help
from bptui.app.screens.inspect import Inspect
from bptui.app.widgets.virtual_table import VirtualTable
from bptui.protocol import Pause, Quit, Reset, Step

pytestmark = pytest.mark.usefixtures("impatience")

ONE = Step("sample", 1)
SIZE = (120, 36)


async def settle(pilot) -> None:
    """Let everything that was said arrive and be drawn."""
    for _ in range(3):
        await pilot.pause()


async def press(pilot, *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


async def until(pilot, condition) -> None:
    for _ in range(200):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came to that")


def options(app: BptuiApp) -> list[str]:
    """What the palette lists."""
    if not isinstance(app.screen, CommandPalette):
        return []
    return [str(option.prompt) for option in app.screen.query_one(OptionList).options]


def legal(app: BptuiApp) -> set[str]:
    return {action.id for action in ACTIONS if app.check_action(action.id, ())}


def notices(app: BptuiApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def test_stepping(at_seed) -> None:
    app, link = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for keys, command in {
            ("s",): ONE,
            ("space",): ONE,
            ("o",): Step("op"),
            ("2", "0", "f11"): Step("op", 20),
            ("n",): Step("phase"),
            ("f10",): Step("phase"),
            ("t",): Step("row", 1),
            ("5", "s"): Step("sample", 5),
            ("2", "0", "s"): Step("sample", 20),
            ("0", "5", "s"): Step("sample", 5),
            ("0", "s"): ONE,
            ("e",): Step("epoch", 1),
            ("2", "e"): Step("epoch", 2),
            ("c",): Step("run"),
            ("f5",): Step("run"),
        }.items():
            await press(pilot, *keys)
            assert link.sent == [command], keys
            link.sent.clear()


async def test_a_count_is_used_up_by_any_key_that_takes_none(at_seed) -> None:
    app, link = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "1", "2", "c")
        await press(pilot, "s")
        assert link.sent == [Step("run"), ONE]


async def test_a_count_can_be_taken_back(at_seed) -> None:
    app, link = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "1", "2", "escape", "s")
        assert link.sent == [ONE]


async def test_a_digit_alone_goes_to_a_panel(at_seed, monkeypatch) -> None:
    monkeypatch.setattr("bptui.app.count.WAITS", 0.01)
    app, link = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for panel in reversed(app.screen.panels):
            await pilot.press(str(panel.NUMBER))
            await until(pilot, lambda panel=panel: app.screen.active == panel.NAME.lower())
        monkeypatch.setattr("bptui.app.count.WAITS", 600)
        await press(pilot, "9", "s")
        assert app.screen.active == "graph"
        assert link.sent == [Step("sample", 9)]
        await press(pilot, "4", "z")  # no count of zooms: panel 4, zoomed
        assert app.screen.active == "source"
        assert app.screen.zoomed


async def test_a_key_that_takes_no_count_is_the_panels_before_it(at_seed) -> None:
    app, _ = at_seed(30)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        graph = app.screen.query_one("#graph VirtualTable")
        await press(pilot, "1", "down", "down")
        assert (app.screen.active, graph.cursor, app.view.step) == ("graph", 2, 29)
        await press(pilot, "2", "home", "1", "home")
        assert (app.screen.active, graph.cursor, app.view.step) == ("graph", 0, 0)
        await press(pilot, "3", "f12")
        assert app.screen.active == "weights"
        await press(pilot, "²", "2", "escape", "down")
        assert app.screen.active == "weights"


async def test_pause_only_while_running(at_seed) -> None:
    app, link = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "p")
        assert link.sent == []
        link.say(dataclasses.replace(link.status, state="running"))
        await settle(pilot)
        await press(pilot, "s", "e", "c")
        assert link.sent == []
        await press(pilot, "p")
        link.say(dataclasses.replace(link.status, pausing=True))
        await settle(pilot)
        await press(pilot, "p", "f6")
        assert link.sent == [Pause(), Pause(at_once=True), Pause(at_once=True)]


async def test_looking_back_and_forward(at_seed) -> None:
    app, link = at_seed(40)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        seen = []
        for keys in ("S", "S", "3S", "s", "2s", "E", "E", "e", "2e", "G", "E", "9e", "99S", "S", "99s"):
            await press(pilot, *keys)
            seen.append(app.view.step)
        # Epochs end with steps 8, 17, 26 and 35; the newest is 39.
        assert seen == [38, 37, 34, 35, 37, 35, 26, 35, 39, 39, 35, 39, 0, 0, 39]
        assert link.sent == []
        await press(pilot, "s")
        assert link.sent == [ONE]


async def test_run_on_from_the_past_returns_to_the_present(at_seed) -> None:
    app, link = at_seed(40)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "5", "S", "c")
        link.say(dataclasses.replace(link.status, state="running", steps=50))
        await settle(pilot)
        assert link.sent == [Step("run")]
        assert app.view.step == 49


async def test_the_past_stays_on_screen_while_it_runs(at_seed) -> None:
    app, link = at_seed(20, "running")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "S", "S")
        link.say(dataclasses.replace(link.status, steps=30))
        await settle(pilot)
        assert (app.view.step, app.view.steps) == (17, 30)
        await press(pilot, "G")
        assert app.view.step == 29


async def test_the_table_looks_back_too(at_seed) -> None:
    app, link = at_seed(20)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        seen = []
        for key in ("up", "up", "up", "home", *["down"] * 10, *["up"] * 3, "end"):
            await press(pilot, key)
            seen.append(app.view.step)
        down = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]  # over the line of the epoch's end
        assert seen == [18, 17, 16, 0, *down, 9, 8, 7, 19]
        assert not app.view.looks_back
        assert link.sent == []


async def test_clicks_on_rows(at_seed) -> None:
    app, _ = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        table = app.screen.query_one("#gradients VirtualTable", VirtualTable)
        await pilot.click(table, offset=(10, 3))
        await settle(pilot)
        assert app.view.step == 2
        await pilot.double_click(table, offset=(10, 4))
        await settle(pilot)
        assert app.view.step == 3
        assert isinstance(app.screen, Inspect)


async def goto(pilot, text: str) -> None:
    await press(pilot, "g")
    assert isinstance(pilot.app.screen, Goto)
    await press(pilot, *text, "enter")


async def test_go_to_what_is_there(at_seed) -> None:
    app, link = at_seed(30)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for text, step in {"1": 0, "12": 11, "e1": 17, "2.5": 22, "30": 29, "29": 28}.items():
            await goto(pilot, text)
            assert (app.view.step, link.sent) == (step, []), text
            assert app.view.looks_back == (step != 29)


async def test_go_to_what_is_to_come_runs_there(at_seed) -> None:
    app, link = at_seed(30)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for text, count in {"31": 1, "63": 33, "e3": 6, "4.1": 7, "e6": 33}.items():
            await goto(pilot, text)
            assert link.sent == [Step("sample", count)], text
            link.sent.clear()


async def test_go_to_what_never_comes(at_seed) -> None:
    app, link = at_seed(30)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for text, why in {"e7": "the run ends with epoch 6", "2.10": "epoch 2 has 9 samples"}.items():
            await goto(pilot, text)
            assert (notices(app)[-1], link.sent, app.view.step) == (why, [], 29)


async def test_go_to_what_is_to_come_of_a_run_that_is_over(at_seed) -> None:
    app, link = at_seed(30, "failed", exit_code=1)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await goto(pilot, "31")
        assert (notices(app)[-1], link.sent) == ("there are 30 samples", [])


async def test_go_to_nonsense_asks_again(at_seed) -> None:
    app, link = at_seed(30)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await goto(pilot, "abc")
        assert isinstance(app.screen, Goto)
        assert "Not understood" in str(app.screen.query_one("Static").render())
        app.screen.query_one(Input).value = ""
        await press(pilot, "4", "enter")
        assert app.view.step == 3
        await press(pilot, "g", "escape")
        assert (app.view.step, link.sent) == (3, [])


async def test_keys_typed_into_goto_are_not_the_apps(at_seed) -> None:
    app, link = at_seed(30)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "g", "q", "s", "e", "5", "escape", "s")
        assert link.sent == [ONE]


async def test_reset_asks_once_if_there_is_something_to_lose(at_seed) -> None:
    app, link = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        assert isinstance(app.screen, Confirm)
        await press(pilot, "escape")
        assert link.sent == []
        await press(pilot, "r", "s", "r")
        assert link.sent == [Reset()]


async def test_reset_of_nothing_asks_nothing(at_seed) -> None:
    app, link = at_seed(0)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        assert link.sent == [Reset()]


@pytest.mark.parametrize(
    ("keys", "sent", "detached"), [("qq", [Quit()], False), ("qd", [], True), (["ctrl+q", "q"], [Quit()], False)]
)
async def test_quit_asks_how(at_seed, keys, sent, detached: bool) -> None:
    app, link = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
    assert (link.sent, app.return_value.detached, app.return_value.code) == (sent, detached, 0)


async def test_quit_can_be_taken_back(at_seed) -> None:
    app, link = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "q", "escape")
        assert app.return_value is None
        assert app.screen.id != "_default"
        await press(pilot, "s")
        assert link.sent == [ONE]


@pytest.mark.parametrize("more", [{"steps": 0}, {"state": "finished", "exit_code": 0}])
async def test_quit_asks_nothing_if_nothing_runs(at_seed, more) -> None:
    app, link = at_seed(**more)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "q")
    assert (link.sent, app.return_value.detached) == ([Quit()], False)


async def test_a_viewer_commands_nothing(at_seed) -> None:
    app, link = at_seed(5, "running")
    link.viewer = True
    app = BptuiApp(link)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "p", "r", "c", "G")
        await press(pilot, "S", "s", "E", "G", "q")
    assert link.sent == []
    assert app.return_value.detached is False


async def test_dialogs_open_once_and_close(at_seed) -> None:
    app, link = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        main = app.screen
        for key, kind in (("question_mark", Help), ("f1", Help), ("x", Inspect), ("enter", Inspect), ("g", Goto),
                          ("q", Confirm), ("r", Confirm)):  # fmt: skip
            await press(pilot, key)
            assert isinstance(app.screen, kind)
            await press(pilot, "ctrl+q", "ctrl+p")
            assert isinstance(app.screen, kind)
            await press(pilot, "escape")
            assert app.screen is main
        await press(pilot, "x", "x", "question_mark", "question_mark")
        assert app.screen is main
        assert link.sent == []


async def test_tab_goes_round_and_z_gives_the_screen(at_seed) -> None:
    app, _ = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        names = [panel.NAME.lower() for panel in app.screen.panels]
        seen = []
        for _ in names:
            await press(pilot, "tab")
            seen.append(app.screen.active)
            assert app.screen.panel(app.screen.active).has_focus_within
        assert seen == [*names[2:], *names[:2]]
        await press(pilot, "shift+tab")
        assert app.screen.active == "graph"
        await press(pilot, "z")
        shown = [panel.id for panel in app.screen.query("Panel") if panel.region]
        assert shown == ["graph"]
        assert app.screen.panel("graph").region.width == SIZE[0]
        await press(pilot, "tab")
        assert [panel.id for panel in app.screen.query("Panel") if panel.region] == ["gradients"]
        await press(pilot, "z")
        assert len([panel for panel in app.screen.query("Panel") if panel.region]) == 5


async def test_the_theme_changes_and_comes_back(at_seed) -> None:
    app, _ = at_seed(5)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        first = app.theme
        await press(pilot, "T")
        assert app.theme != first
        await press(pilot, "T")
        assert app.theme == first


async def test_the_palette_offers_what_is_legal_and_does_it(at_seed) -> None:
    app, link = at_seed(5, "running")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+p")
        offered = len(legal(app) - {"palette"})
        await until(pilot, lambda: len(options(app)) == offered)
        assert "Stop at the next op" in "".join(options(app))
        assert "Run on until" not in "".join(options(app))
        await pilot.press(*"pause")
        await until(pilot, lambda: len(options(app)) < offered and "pause" in options(app)[0])
        await pilot.press("enter")
        await until(pilot, lambda: link.sent)
        assert link.sent == [Pause()]
