"""What the app looks like: a few pictures at three sizes, dark, light and with sixteen colours.

After a change that is meant: pytest tests/app/test_snapshots.py --snapshot-update, and look at the pictures.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import torch
from textual.pilot import Pilot
from textual.widgets import Input

from bptui.app.app import BptuiApp
from bptui.breakpoints import parse_any
from bptui.protocol import Edited, Noticed, Status, Watched
from bptui.recording.reader import Reader
from bptui.records import Edit, Hits, Node, Place, Value

from .transformer import transformer

SMALL, MEDIUM, LARGE = (80, 24), (120, 36), (160, 50)
DARK, LIGHT, ANSI, ANSI_LIGHT = "textual-dark", "textual-light", "ansi-dark", "ansi-light"
NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def picture(app: BptuiApp) -> list[str]:
    return ["".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()]


async def stand_still(pilot: Pilot) -> None:
    """Wait until something is there to be seen, and nothing on screen changes any more."""
    before: list[str] = []
    while before != (before := picture(pilot.app)) or pilot.app.view.target is None:
        for _ in range(2):
            await pilot.pause()


def then(*keys: str, theme: str = DARK) -> Callable[[Pilot], Awaitable[None]]:
    async def run(pilot: Pilot) -> None:
        pilot.app.theme = theme
        await stand_still(pilot)
        for key in keys:
            await pilot.press(key)
            await stand_still(pilot)

    return run


def test_before_the_first_sample(snap_compare, at_seed) -> None:
    app, _ = at_seed(0)
    assert snap_compare(app, terminal_size=MEDIUM, run_before=then())


@pytest.mark.parametrize(
    ("size", "theme"),
    [(SMALL, DARK), (MEDIUM, DARK), (LARGE, DARK), (MEDIUM, LIGHT), (MEDIUM, ANSI)],
    ids=["small", "medium", "large", "light", "ansi"],
)
def test_mid_epoch(snap_compare, at_seed, size: tuple[int, int], theme: str) -> None:
    app, link = at_seed(13)

    async def run(pilot: Pilot) -> None:
        await then(theme=theme)(pilot)
        link.say(Status("paused", 0, 14))
        await then(theme=theme)(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)


def test_the_end_of_an_epoch_on_a_small_light_terminal(snap_compare, at_seed) -> None:
    app, _ = at_seed(18)
    assert snap_compare(app, terminal_size=SMALL, run_before=then(theme=LIGHT))


def test_the_graph_alone_in_sixteen_colours(snap_compare, at_seed) -> None:
    app, _ = at_seed(5)

    async def run(pilot: Pilot) -> None:
        await stand_still(pilot)
        app.screen.choose(1)
        await then("down", "down", theme=ANSI_LIGHT)(pilot)

    assert snap_compare(app, terminal_size=SMALL, run_before=run)


def test_looking_back(snap_compare, at_seed) -> None:
    app, _ = at_seed(40)
    assert snap_compare(app, terminal_size=MEDIUM, run_before=then("E", "S"))


def test_back_in_time(snap_compare, at_seed) -> None:
    app, _ = at_seed(31, recorded=52, checkpoints=(0, 18, 30, 44, 52), checkpoint_bytes=47 << 20, stop=3)
    assert snap_compare(app, terminal_size=SMALL, run_before=then())


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=["small", "medium"])
def test_branches(snap_compare, recorded, fake_link, tmp_path, size: tuple[int, int], monkeypatch) -> None:
    def rows(losses: list[float]) -> list[dict[str, float]]:
        return [{"epoch": 0, "index": i, "loss": loss} for i, loss in enumerate(losses)]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    losses = [9.0 * 0.8**i for i in range(40)]
    recording = recorded().target("a test").samples(rows(losses))
    recording.fork("lr = 0.5", 12).samples(rows([losses[11] * 1.05**i for i in range(20)]))
    recording.state()
    status = Status("paused", 1, 32, recorded=32, checkpoints=(12, 32))
    app = BptuiApp(fake_link(recording.path.relative_to(tmp_path), status))
    assert snap_compare(app, terminal_size=size, run_before=then("H"))


def test_running(snap_compare, at_seed) -> None:
    app, _ = at_seed(31, "running", samples_per_second=4321.0)
    assert snap_compare(app, terminal_size=SMALL, run_before=then())


def test_not_a_number(snap_compare, recorded, fake_link, monkeypatch, tmp_path) -> None:
    names = ("loss", "grad", "weight", "weight_after")
    rows = [
        {"epoch": 0, "index": i, "input": 2.0**i, **dict(zip(names, numbers, strict=True))}
        for i, numbers in enumerate(
            [(4.0, -4.0, 1.0, 1e10), (4e20, 1e20, 1e10, -1e38), (INF, -INF, -1e38, INF), (NAN, NAN, INF, NAN)]
        )
    ]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bptui.recording.writer.time.time", lambda: 0.0)
    recording = recorded("nan.bptui").target("a loop that bursts").samples(rows, samples=9)
    nodes = (
        Node("weight", "parameter", (), recording.summary(INF), recording.summary(NAN)),
        Node("mul", "op", (0,), recording.summary(-INF), recording.summary(NAN), Place("/x/loop.py", 2), "Mul"),
    )
    recording.graph(3, *nodes).state()
    app = BptuiApp(fake_link(recording.path.relative_to(tmp_path), Status("paused", 0, 4)))
    assert snap_compare(app, terminal_size=MEDIUM, run_before=then())


@pytest.mark.parametrize(
    ("size", "keys"),
    [(MEDIUM, ("z",)), (SMALL, ()), (MEDIUM, ("z", *["down"] * 8, "enter"))],
    ids=["medium", "small", "unfolded"],
)
def test_transformer(snap_compare, recorded, fake_link, monkeypatch, tmp_path, size, keys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bptui.recording.writer.time.time", lambda: 0.0)
    recording = recorded("gpt.bptui").target("a transformer").samples([{"epoch": 0, "index": 0, "loss": 4.3}])
    recording.graph(0, *transformer(bad="NN")).state()
    app = BptuiApp(fake_link(recording.path.relative_to(tmp_path), Status("paused", 0, 1)))

    async def run(pilot: Pilot) -> None:
        await stand_still(pilot)
        app.screen.choose(1)
        await then(*keys)(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=["small", "medium"])
def test_a_frame_of_the_stack(snap_compare, stopped, size: tuple[int, int]) -> None:
    app, link = stopped()

    async def run(pilot: Pilot) -> None:
        await stand_still(pilot)
        link.say(Status("paused", 0, 3))
        await then("u")(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)


def test_the_line_that_raised(snap_compare, stopped) -> None:
    app, _ = stopped(3, "failed", "ValueError: no good", detail="ValueError: no good", exit_code=1)
    assert snap_compare(app, terminal_size=MEDIUM, run_before=then())


def test_failed(snap_compare, at_seed) -> None:
    traceback = (
        "ValueError: the learning rate is negative\nTraceback (most recent call last):\n"
        '  File "/x/loop.py", line 12, in loop\n    raise ValueError("the learning rate is negative")'
    )
    app, _ = at_seed(7, "failed", detail=traceback, exit_code=1)
    assert snap_compare(app, terminal_size=MEDIUM, run_before=then())


def test_help(snap_compare, at_seed) -> None:
    app, _ = at_seed(5)
    assert snap_compare(app, terminal_size=MEDIUM, run_before=then("question_mark"))


def test_inspect(snap_compare, at_seed) -> None:
    app, _ = at_seed(5)
    assert snap_compare(app, terminal_size=SMALL, run_before=then("x"))


@pytest.mark.parametrize(
    ("size", "theme"),
    [(SMALL, DARK), (MEDIUM, DARK), (LARGE, DARK), (MEDIUM, LIGHT), (MEDIUM, ANSI), (SMALL, ANSI_LIGHT)],
    ids=["small", "medium", "large", "light", "ansi", "ansi-light"],
)
def test_inspect_a_tensor(snap_compare, at_tensor, size: tuple[int, int], theme: str) -> None:
    rows, columns = torch.arange(48.0)[:, None], torch.arange(64.0)
    weight = torch.nn.Parameter(torch.stack([rows - columns, rows * columns - 700]) / 64)
    weight.data[0, 5:7, 9] = NAN
    weight.data[0, 20, 30] = INF
    app, _ = at_tensor(weight, torch.nn.Parameter(weight.detach() - 0.125))

    async def run(pilot: Pilot) -> None:
        await then(theme=theme)(pilot)
        app.screen.choose(7)
        await then("x", "down", "down", "right", theme=theme)(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)


def test_go_to(snap_compare, at_seed) -> None:
    app, _ = at_seed(5)
    assert snap_compare(app, terminal_size=SMALL, run_before=then("g", "3"))


def test_quit(snap_compare, at_seed) -> None:
    app, _ = at_seed(5)
    assert snap_compare(app, terminal_size=SMALL, run_before=then("q"))


def test_the_command_line(snap_compare, at_seed, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("bptui.paths.history", lambda: tmp_path / "history")
    app, _ = at_seed(5)

    async def typed(pilot: Pilot) -> None:
        await then("colon")(pilot)
        for text in ("info graph", "until loss <"):
            await pilot.press(*("space" if character == " " else character for character in text), "enter")
            await stand_still(pilot)

    assert snap_compare(app, terminal_size=MEDIUM, run_before=typed)


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=["small", "medium"])
def test_diagnostics(snap_compare, recorded, fake_link, monkeypatch, tmp_path, size: tuple[int, int]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bptui.recording.writer.time.time", lambda: 0.0)
    recording = recorded("log.bptui").target("a loop that bursts")
    for step in range(6):
        if step in (1, 4):
            recording.writer.noticed(Noticed(step, "gradient-not-zeroed", ("weight",) * (step == 1)))
        recording.samples([{"epoch": 0, "index": step, "loss": NAN if step == 2 else 1.0}], samples=6)
    value = recording.summary
    log = Node("log", "op", (0,), value(-INF), value(1.0), Place("/x/loop.py", 2), "Log")
    recording.graph(2, Node("x", "input", (), value(0.0)), log).state()
    app = BptuiApp(fake_link(recording.path.relative_to(tmp_path), Status("paused", 0, 6)))
    assert snap_compare(app, terminal_size=size, run_before=then("D", "down", "down", "enter"))


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=["small", "medium"])
def test_breakpoints(snap_compare, at_seed, size: tuple[int, int]) -> None:
    texts = ("nan", "once op mul if step > 4", "log loss {loss:.3f} if step % 3 == 0", "linear.py:27", "loss > 3")
    breakpoints = tuple(parse_any(text, number) for number, text in enumerate(texts, 1))
    hits = (Hits(1, 2, 4), Hits(3, 1, 3), Hits(5, 0, -1, "ZeroDivisionError: float division by zero"))
    detail = "breakpoint 1: nan"
    breakpoints = (replace(breakpoints[0], ignore=5), *breakpoints[1:])
    app, _ = at_seed(4, breakpoints=breakpoints, hits=hits, hit=(1,), detail=detail)
    assert snap_compare(app, terminal_size=size, run_before=then("B", "down"))


def test_a_breakpoint_that_is_wrong(snap_compare, at_seed) -> None:
    app, _ = at_seed(4)

    async def typed(pilot: Pilot) -> None:
        await then("B", "a")(pilot)
        pilot.app.screen.query_one(Input).value = "loss > 3 * meen(loss, 10)"
        await stand_still(pilot)

    assert snap_compare(app, terminal_size=MEDIUM, run_before=typed)


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=["small", "medium"])
def test_watches(snap_compare, recorded, monkeypatch, tmp_path, size: tuple[int, int]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bptui.recording.writer.time.time", lambda: 0.0)
    recording = recorded("watched.bptui").target("a loop that is watched").epochs([5])
    for steps in range(1, 6):
        x, z = Value(f"{steps}.5", "float", steps**2 + 0.5), Value("tensor([1, 2])", "int64 2")
        recording.writer.watched(Watched(steps, {"x * 2": x, "y": Value(problem="NameError: name 'y'"), "z": z}))
    recording.writer.edit(Edited(Edit(3, "lr", "0.1", "0.01")))
    app = BptuiApp(reader=Reader(recording.state("finished", code=0).path.relative_to(tmp_path)))
    assert snap_compare(app, terminal_size=size, run_before=then("W"))
