"""What the app says and keeps in each state of the session, and how it ends."""

from __future__ import annotations

import dataclasses

import pytest

from bptui.app.app import BptuiApp
from bptui.protocol import Reset, Status
from bptui.recording.reader import Reader
from bptui.records import TensorSummary

SIZE = (120, 36)
NAN, INF = float("nan"), float("inf")


async def settle(pilot) -> None:
    for _ in range(3):
        await pilot.pause()


def text(app: BptuiApp, part: str = "") -> str:
    """What a widget shows, or the whole screen, as plain text."""
    region = app.screen.query_one(part).region if part else app.screen.region
    lines = ["".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()]
    return "\n".join(line[region.x : region.right] for line in lines[region.y : region.bottom])


def state(app: BptuiApp) -> str:
    return " ".join(text(app, "StatusLine").split())


async def seen(app: BptuiApp, size=SIZE) -> tuple[str, str]:
    """The status line and the screen, once everything has arrived."""
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        return state(app), text(app)


# -- the status line ------------------------------------------------------------------------------------


async def test_the_status_line(at_seed) -> None:
    app, link = at_seed(0, "starting", detail="importing torch")
    async with app.run_test(size=SIZE) as pilot:
        for status, words in (
            (Status("starting", 0, 0, detail="importing torch"), ["◌ starting importing torch", "no sample yet"]),
            (Status("paused", 0, 0), ["● paused before the first sample"]),
            (Status("paused", 0, 5), ["● paused", "epoch 0 of 7", "sample 5/9", "loss 25.2740"]),
            (Status("running", 0, 20, samples_per_second=5432.1), ["▶ running 5,432 samples/s", "epoch 2 of 7"]),
            (Status("running", 0, 20, pausing=True), ["▶ pausing at the next op"]),
            (Status("failed", 0, 29, detail="ValueError: no\nx", exit_code=1), ["✖ failed ValueError: no"]),
            (Status("finished", 0, 63, exit_code=0), ["✔ finished", "epoch 6 of 7", "sample 9/9"]),
        ):
            await settle(pilot)
            link.say(status)
            await settle(pilot)
            for each in ["bptui Learn y = 3x from nine samples", *words]:
                assert each in state(app)


async def test_only_where_a_step_is_possible_does_a_panel_ask_for_it(at_seed) -> None:
    app, link = at_seed(0, "starting")
    async with app.run_test(size=SIZE) as pilot:
        for name, asks in (("starting", True), ("paused", True), ("running", False), ("finished", False)):
            await settle(pilot)
            link.say(Status(name, 0, 0))
            await settle(pilot)
            titles = [str(app.screen.query_one(panel).border_title) for panel in ("#graph", "#gradients")]
            assert ["press s" in title for title in titles] == [asks, asks]


async def test_the_status_line_while_looking_back(at_seed) -> None:
    app, _ = at_seed(40)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("E")
        await settle(pilot)
        assert "paused · looking back" in state(app)
        assert "epoch 3 of 7 · sample 9/9" in state(app)
        await pilot.press("G")
        await settle(pilot)
        assert "looking back" not in state(app)


async def test_how_it_failed_has_the_room_that_is_left(at_seed) -> None:
    app, _ = at_seed(0, "failed", detail="ValueError: bad batch 21", exit_code=1)
    status, _ = await seen(app, (80, 24))
    assert "✖ failed ValueError: bad batch 21" in status


async def test_the_count_is_shown_while_it_is_typed(at_seed) -> None:
    app, _ = at_seed(40)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("1", "2")
        await settle(pilot)
        assert "12…" in state(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "12…" not in state(app)


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12)])
async def test_the_state_is_never_cut_off(at_seed, size: tuple[int, int]) -> None:
    app, _ = at_seed(20, "running", samples_per_second=123456.0)
    status, _ = await seen(app, size)
    assert "▶ running 123,456 samples/s" in status


# -- beginnings and ends ----------------------------------------------------------------------------------


async def test_before_the_session_answers(recorded) -> None:
    from bptui.app.link import Link

    recording = recorded()

    class Silent(Link):
        async def follow(self, app) -> None:
            pass

    app = BptuiApp(Silent(recording.path))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "starting" in state(app)
        await pilot.press("s", "r", "x", "g", "escape", "c", "tab", "z", "question_mark", "escape", "q")
    assert app.return_value is not None


@pytest.mark.parametrize(
    ("refused", "detail", "code", "said"),
    [
        ("no such target 'x'", "no such target 'x'", 2, "bptui: no such target 'x'"),
        ("x does not import", "Traceback\n  boom", 2, "Traceback\n  boom\nbptui: x does not import"),
        ("help", "usage: bptui linear", 0, "usage: bptui linear"),
    ],
)
async def test_a_refusal_ends_the_app_and_says_why(at_seed, refused, detail, code, said) -> None:
    app, _ = at_seed(0, "failed", detail=detail, refused=refused, exit_code=code)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
    assert app.return_value is not None
    assert (app.return_value.code, app.return_value.text, app.return_value.detached) == (code, said, False)


async def test_a_session_that_never_was(tmp_path) -> None:
    from bptui.app.link import Link

    app = BptuiApp(Link(tmp_path / "nobody.sock"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
    assert app.return_value.code == 1
    assert app.return_value.text.startswith("the session did not start")


async def test_a_lost_session_leaves_everything_to_look_at(at_seed) -> None:
    app, link = at_seed(20)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        link.lose()
        await settle(pilot)
        assert "✖ lost" in state(app)
        assert app.view.steps == 20
        await pilot.press("s", "c", "p", "r", "S", "S", "s", "x")
        await settle(pilot)
        assert app.view.step == 18
        await pilot.press("escape", "q")
    assert link.sent == []
    assert app.return_value.code == 0


async def test_a_session_that_ends_after_its_training_is_not_lost(at_seed) -> None:
    app, link = at_seed(63, "finished", exit_code=0)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        link.lose()
        await settle(pilot)
        assert "✔ finished" in state(app)
        assert not app.view.commands


async def test_a_failure_shows_its_traceback_and_comes_back_from_the_past(at_seed) -> None:
    app, link = at_seed(20, "running")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        detail = "ValueError: boom\nTraceback (most recent call last):\n  File x, line 3\nValueError: boom"
        link.say(dataclasses.replace(link.status, state="failed", detail=detail, exit_code=1))
        await settle(pilot)
        assert "File x, line 3" in text(app, "#run")
        assert not app._notifications  # it would lie on the traceback
        assert app.view.step == 19


async def test_where_only_one_panel_is_shown_a_failure_hides_nothing_of_it(at_seed) -> None:
    app, _ = at_seed(20, "failed", detail="ValueError: boom", exit_code=1)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "✖ failed ValueError: boom" in state(app)
        assert "6 Run ✖" in text(app, "PanelTabs")
        assert app.screen.active == "gradients"
        assert not app._notifications


async def test_a_key_takes_a_notice_away(at_seed) -> None:
    app, link = at_seed(20)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        link.say(dataclasses.replace(link.status, trouble="disk full"))
        await settle(pilot)
        assert app._notifications
        await pilot.press("up")
        await settle(pilot)
        assert not app._notifications


async def test_trouble_is_said_once_and_stays_in_the_status_line(at_seed) -> None:
    app, link = at_seed(20)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        trouble = "nothing recorded after sample 20: database or disk is full"
        for sample in (21, 22):
            live = f"epoch 2 · sample {sample}, not recorded"
            link.say(dataclasses.replace(link.status, trouble=trouble, live=live))
            await settle(pilot)
        assert [n.message for n in app._notifications] == [trouble]
        assert "paused recording stopped" in state(app)
        assert "sample 22, not recorded" in state(app)
        await pilot.press("s", "S")
        await settle(pilot)
        assert len(link.sent) == 1
        assert app.view.step == 18


# -- recordings -------------------------------------------------------------------------------------------


async def test_a_finished_recording(seed) -> None:
    status, screen = await seen(BptuiApp(reader=Reader(seed)))
    assert "✔ finished · recording, read-only" in status
    assert "sample 9/9" in status
    assert "63 samples" in screen


async def test_a_recording_whose_session_was_killed(recorded) -> None:
    recording = recorded().target().epochs([3]).state("running")
    status, screen = await seen(BptuiApp(reader=recording.reader()))
    assert "✖ lost its session ended" in status
    assert screen.count("its session ended") == 2  # the Run panel says it too


async def test_a_recording_without_a_sample(recorded) -> None:
    app = BptuiApp(reader=recorded().state("starting").reader())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press(
            "s", "S", "e", "E", "x", "g", "N", "up", "enter", "home", "end", "3", "tab", "tab", "enter"
        )
        await settle(pilot)
        assert "no sample" in state(app)


async def test_nan_and_infinity_stand_out_in_every_panel(recorded) -> None:
    rows = [
        {"epoch": 0, "index": i, "loss": loss, "grad": grad, "weight": 1.0, "weight_after": after}
        for i, (loss, grad, after) in enumerate([(4.0, -4.0, 1.5), (INF, -INF, INF), (NAN, NAN, NAN)])
    ]
    app = BptuiApp(reader=recorded().target().samples(rows).state("finished", code=0).reader())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert text(app, "#gradients").count("NaN") == 4  # of the sample, and of the epoch
        assert text(app, "#gradients").count("Inf") == 2
        assert text(app, "#weights").count("NaN") == 3
        assert "loss NaN" in state(app)
        assert "×" in text(app, "#weights")
        await pilot.press("x")
        await settle(pilot)
        assert "nan" in text(app).lower()


def tensor(shape: tuple[int, ...], nans: int = 0) -> TensorSummary:
    values = tuple(float(i) for i in range(6))
    return TensorSummary(shape, "float32", "cpu", -1.5, 2.5, 0.5, 1.25, 7.5, 3, nans, 0, 0, values)


async def test_tensors_are_norms_in_tables_and_whole_on_x(recorded) -> None:
    row = {"epoch": 0, "index": 0, "loss": 0.5, "grad": tensor((2, 3)), "weight": tensor((2, 3), nans=1)}
    app = BptuiApp(reader=recorded().target().samples([row]).state("finished", code=0).reader())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert all(each in text(app, "#gradients") for each in ("‖grad‖", " 7.5000", "‖weight‖", "NaN"))
        await pilot.press("x")
        await settle(pilot)
        shown = text(app)
        for each in ("grad[:, :]  2×3  float32  cpu", "min -1.5", "zeros 3 of 6", "1 NaN"):
            assert each in shown
        assert [line.split() for line in shown.splitlines() if "   3.0" in line] == [
            ["1", "3.00000", "4.00000", "5.00000"]
        ]


async def test_long_values_fit_a_small_terminal(recorded) -> None:
    long = dataclasses.replace(tensor((2, 3)), values=(-1.234567890123456e-05,) * 6)
    row = {"epoch": 0, "index": 0, "loss": 0.5, "grad": long, "input": long}
    app = BptuiApp(reader=recorded().target().samples([row]).state("finished", code=0).reader())
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        await pilot.press("x")
        await settle(pilot)
        assert "input[0, 0] = -1.234567890123456e-05 " in text(app)
        assert text(app).count("-1.235e-05") == 6
        assert text(app).index("input ") < text(app).index("grad ")


async def test_a_line_wider_than_the_console_is_scrolled_to(recorded) -> None:
    recording = recorded().target().prints((-1, 1, "left" + "." * 90 + "right")).epochs([3]).state("paused")
    app = BptuiApp(reader=recording.reader())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("5", "home")
        await settle(pilot)
        assert "left" in text(app, "#console")
        assert "← → scroll" in text(app, "#console")
        await pilot.press(*["right"] * 12)
        await settle(pilot)
        assert "right" in text(app, "#console")
        await pilot.press("z")
        await settle(pilot)
        assert "left" in text(app, "#console")
        assert "← → scroll" not in text(app, "#console")


@pytest.mark.parametrize(("state", "code"), [("finished", 0), ("running", None)])
async def test_the_console_shows_what_was_printed_up_to_the_sample(recorded, state, code) -> None:
    recording = recorded().target().epochs([3])
    recording.prints(
        (-1, 1, "hello"), (0, 1, "one"), (1, 2, "oops"), (2, 1, "x" * 500), (3, 1, "tab\tand\x1b[31mred")
    )
    app = BptuiApp(reader=recording.state(state, code=code).reader())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        shown = text(app, "#console")
        assert "start   hello" in shown
        assert "2 ! oops" in shown
        assert "after   tab and [31mred" in shown
        assert "← → scroll" in shown
        assert "\x1b" not in shown
        assert "5 lines" in shown
        table = app.screen.query_one("#console VirtualTable")
        assert table.cursor == 4
        await pilot.press("S", "S")
        await settle(pilot)
        assert table.cursor == 1


# -- the terminal -----------------------------------------------------------------------------------------


async def test_too_small_a_terminal_says_so_and_recovers(at_seed) -> None:
    app, link = at_seed(20)
    async with app.run_test(size=(39, 11)) as pilot:
        await settle(pilot)
        assert "39×11 is too small:" in text(app)
        assert "epoch" not in text(app)
        for size, tiny in (((80, 24), False), ((30, 8), True), ((40, 11), True), ((40, 12), False), (SIZE, False)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            assert ("too small" in text(app)) == tiny
            assert ("sample" in text(app)) != tiny
        assert "▶" in text(app, "#source")
        assert link.sent == []


async def test_a_small_terminal_shows_one_panel_at_a_time(at_seed) -> None:
    app, _ = at_seed(20)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for number, words in enumerate(
            ("pow  = loss", "by hand", "loss", "yield Sample", "nothing printed yet", "recording linear.bptui"), 1
        ):
            app.screen.choose(number)
            await settle(pilot)
            assert [panel.NUMBER for panel in app.screen.query("Panel") if panel.region] == [number]
            assert words in text(app)


async def test_clicks_on_tabs(at_seed) -> None:
    app, _ = at_seed(20)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        line = text(app, "PanelTabs")
        for name in ("Source", "Graph", "Run"):
            await pilot.click("PanelTabs", offset=(line.index(name) + 1, 0))
            await settle(pilot)
            assert app.screen.active == name.lower()


async def test_what_is_hidden_is_drawn_when_it_is_shown(at_seed) -> None:
    app, link = at_seed(5)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        link.say(Status("paused", 0, 7))
        await settle(pilot)
        app.screen.choose(1)
        await settle(pilot)
        assert "sample 7" in text(app, "#graph")


async def test_the_graph_follows_the_sample_and_marks_changes(at_seed) -> None:
    app, link = at_seed(2)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        link.say(Status("paused", 0, 3))
        await settle(pilot)
        shown = text(app, "#graph")
        assert "-32.4576▾" in shown
        assert "29.2638▴" in shown


async def test_resets(recorded, fake_link) -> None:
    recording = recorded().target().epochs([9, 9])
    recording.begin()
    recording.samples([{"epoch": 0, "index": 0, "loss": 123.0}]).writer.commit()
    link = fake_link(recording.path, Status("paused", 0, 18))
    app = BptuiApp(link)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("S", "S", "r", "r")
        await settle(pilot)
        assert link.sent == [Reset()]
        link.say(Status("starting", 1, 0))
        await settle(pilot)
        assert (app.view.branch, app.view.step, app.view.looks_back) == (1, -1, False)
        assert "no sample yet" in state(app)
        link.say(Status("paused", 1, 1))
        await settle(pilot)
        assert (app.view.branch, app.view.step) == (1, 0)
        assert "loss 123.0000" in state(app)
        assert "branch 1" in text(app, "#gradients")
        assert "123.0000" in text(app, "#gradients")
