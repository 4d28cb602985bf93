"""The Source panel: the line, the frames that can be walked, their variables."""

from __future__ import annotations

import pytest

from bptui.app.app import BptuiApp
from bptui.app.screens.inspect import Inspect
from bptui.app.widgets.virtual_table import VirtualTable
from bptui.protocol import Status
from bptui.records import Frame, Place

pytestmark = pytest.mark.usefixtures("impatience")

SIZE = (120, 36)


async def settle(pilot) -> None:
    for _ in range(3):
        await pilot.pause()


def text(app: BptuiApp) -> str:
    region = app.screen.query_one("#source").region
    lines = ["".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()]
    return "\n".join(line[region.x : region.right] for line in lines[region.y : region.bottom])


def assert_seen(app: BptuiApp, *words: str, but_not: str = "\0") -> None:
    assert all(word in text(app) for word in words) and but_not not in text(app), text(app)


async def test_the_frames_are_walked_up_and_down(stopped) -> None:
    app, _ = stopped()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert not app.check_action("frame_down", ())
        assert_seen(app, "loop.py ─", " 2 ▶", "locals of frame 1/2 train()", "32×10 float32", "0.2500 ± 0.5000")
        await pilot.press("u")
        await settle(pilot)
        assert_seen(app, "loop.py  frame 1/2 train()", " 7 ▶", "called 12 frames of lightning", "3 items")
        await pilot.press("u")
        await settle(pilot)
        assert_seen(app, "main.py  frame 2/2 <module>", " 2 ▶ train()", "11 parameters", "3 more locals")
        assert not app.check_action("frame_up", ())
        await pilot.press("u", "d")
        await settle(pilot)
        assert_seen(app, "frame 1/2 train()")
        await pilot.press("d", "d")
        await settle(pilot)
        assert_seen(app, " 2 ▶", "locals of frame 1/2")


async def test_what_has_changed_since_the_last_stop_is_marked(stopped) -> None:
    app, link = stopped()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "≠" not in text(app) and "▾" not in text(app)
        link.say(Status("running", 0, 2))
        await settle(pilot)
        assert_seen(app, "running: the locals are those", "0.2500 ± 0.5000")
        assert not app.check_action("frame_up", ())
        link.say(Status("paused", 0, 3))
        await settle(pilot)
        marks = {line[1:].split()[0].lstrip("›"): line for line in text(app).splitlines() if line[1:].split()}
        assert "≠    0.5000 ± 0.5000" in marks["x"]  # another mean, the same norm
        assert "▴" in marks["index"] and "≠" not in marks["losses"] and "▴" not in marks["[0]"]


async def test_a_step_without_frames_says_so(stopped) -> None:
    app, _ = stopped()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("S")
        await settle(pilot)
        assert_seen(app, "locals were not recorded here", " 2 ▶", but_not="32×10")
        assert not app.check_action("frame_up", ()) and not app.check_action("frame_down", ())
        await pilot.press("G")
        await settle(pilot)
        assert_seen(app, "32×10 float32")


async def test_a_variable_is_inspected(stopped) -> None:
    app, _ = stopped()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.screen.choose(4)
        await settle(pilot)
        await pilot.press("tab")
        await settle(pilot)
        assert app.focused is app.screen.query_one("#source VirtualTable", VirtualTable)
        await pilot.press("down", "x")  # a list: what is in it
        await settle(pilot)
        assert isinstance(app.screen, Inspect)
        assert app.screen.query_one(VirtualTable).row_count == 1
        await pilot.press("escape", "end", "x")
        await settle(pilot)
        assert not isinstance(app.screen, Inspect)
        assert [notice.message for notice in app._notifications] == [
            "device  str 'cpu': no more is recorded of it"
        ]
        await pilot.press("tab")
        await settle(pilot)
        assert app.screen.active == "console"
        await pilot.press("shift+tab")
        await settle(pilot)
        assert app.screen.active == "source"


async def test_an_exception_is_shown_where_it_was_raised(stopped) -> None:
    app, _ = stopped(3, "failed", "ValueError: no good", detail="ValueError", exit_code=1)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert_seen(app, " 7 ✗", "ValueError: no good", "frame 1/2 train()")
        await pilot.press("u")
        await settle(pilot)
        assert_seen(app, "frame 2/2 <module>", " 2 ▶ train()", but_not="✗")


async def test_a_file_that_could_not_be_read_is_said_to_be_so(recorded, fake_link) -> None:
    recording = recorded().target().samples([{"epoch": 0, "index": 0, "loss": 4.0}])
    recording.stack(1, Frame("train", Place("/x/train.zip/train.py", 7))).state()
    app = BptuiApp(fake_link(recording.path, Status("paused", 0, 1)))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert_seen(app, "train.py, line 7: its source can not", "frame 1/1 train()")


async def test_walking_on_a_small_terminal_goes_to_the_source(stopped) -> None:
    app, _ = stopped()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert app.screen.active == "gradients"
        await pilot.press("u")
        await settle(pilot)
        assert app.screen.active == "source"
        assert_seen(app, "frame 1/2 train()", "32×10 float32")


async def test_beside_the_code_where_there_is_room(stopped) -> None:
    app, _ = stopped()
    async with app.run_test(size=(160, 50)) as pilot:
        await settle(pilot)
        app.screen.choose(4)
        app.screen.zoomed = True
        await settle(pilot)
        code, table = app.screen.query_one("#source CodeView"), app.screen.query_one("#source VirtualTable")
        assert table.region.x >= code.region.right and table.region.y == code.region.y
        app.screen.zoomed = False
        await settle(pilot)
        assert table.region.y >= code.region.bottom
