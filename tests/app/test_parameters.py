"""Parameters and Flow on recordings of the real writer: folds, order, filter, thousands of rows, pictures."""

from __future__ import annotations

import base64
import dataclasses
import math
from array import array

import pytest

from bptui.app.app import BptuiApp
from bptui.app.panels.measured import Measured
from bptui.app.panels.parameter_rows import ParameterRows, columns
from bptui.app.panels.parameter_tree import tree
from bptui.app.screens.inspect import Inspect
from bptui.app.widgets.bar_chart import BarChart
from bptui.app.widgets.virtual_table import VirtualTable
from bptui.protocol import ABSENT, ParameterSamples, ParametersSeen
from bptui.recording.parameters import Norms
from bptui.records import Parameter

from .test_snapshots import MEDIUM, SMALL, stand_still
from .test_states import settle, text

LAYERS = 12


def network() -> tuple[Parameter, ...]:
    """A multilayer perceptron; the first layer is frozen."""
    names = [f"model.{i}.{part}" for i in range(LAYERS) for part in ("weight", "bias")]
    shapes = [(16, 16), (16,)] * LAYERS
    return tuple(
        Parameter(n, s, "float32", "cpu", i < 2) for i, (n, s) in enumerate(zip(names, shapes, strict=True))
    )


def norms(index: int, step: int) -> tuple[float, float, float]:
    """Weight, gradient and update: they vanish on the way back; one is NaN, one zero, one absent."""
    odd = {0: ABSENT, 1: ABSENT, 5: math.nan, 8: 0.0, 9: 0.0, 12: ABSENT}
    grad = odd.get(index, 10.0 ** (index // 2 % LAYERS - LAYERS) * (1 + step))
    return 4.0, grad, ABSENT if index < 2 else 0.004 if grad > 0 else 0.0


@pytest.fixture
def recording(recorded, monkeypatch, tmp_path):
    """Writes a run of four samples, of which all but the last were measured, and makes an app of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bptui.recording.writer.time.time", lambda: 0.0)

    def make(parameters=None, measured: int = 3) -> BptuiApp:
        parameters = parameters or network()
        made = recorded("run.bptui").target("a network")
        made.writer.parameters(ParametersSeen(0, parameters))
        for step in range(measured):
            numbers = array("d", [n for i in range(len(parameters)) for n in norms(i, step)])
            made.writer.parameter_samples(ParameterSamples(0, (step,), base64.b64encode(numbers).decode()))
        made.samples([{"epoch": 0, "index": i, "loss": 1.0 / (i + 1)} for i in range(4)], samples=4, epochs=1)
        return BptuiApp(reader=made.state("finished", code=0).reader())

    return make


def shown(app: BptuiApp) -> list[str]:
    """The first column of the table, in rows that have one."""
    lines = text(app, "#parameters VirtualTable").splitlines()[1:]
    return [name for line in lines if (name := line[1:17].strip())]


async def test_it_folds(recording) -> None:
    app = recording()
    async with app.run_test(size=MEDIUM) as pilot:
        await settle(pilot)
        app.screen.choose(7)
        await settle(pilot)
        assert shown(app)[:3] == ["▾ model (24)", "▸ 0 (2)", "▸ 1 (2)"]
        for keys, expected in (
            (["down", "right"], ["▾ model (24)", "▾ 0 (2)", "weight"]),
            (["left"], ["▾ model (24)", "▸ 0 (2)", "▸ 1 (2)"]),
            (["enter", "down", "left", "enter"], ["▾ model (24)", "▸ 0 (2)", "▸ 1 (2)"]),
            (["left", "left"], ["▸ model (24)"]),
        ):
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            assert shown(app)[:3] == expected


async def test_it_is_filtered_and_sorted(recording) -> None:
    app = recording()
    async with app.run_test(size=MEDIUM) as pilot:
        await settle(pilot)
        before = shown(app)
        await pilot.press("slash", *"1?.bias")
        await settle(pilot)
        assert shown(app) == ["▾ model (2)", "10.bias", "11.bias"]
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == before
        await pilot.press("slash", *"[/x]")  # no markup
        await settle(pilot)
        assert "· 0 of 24 with '[/x]'" in text(app, "#parameters")
        await pilot.press("escape", "greater_than_sign", "greater_than_sign", "greater_than_sign")
        await settle(pilot)
        assert "‖grad‖▾" in text(app, "#parameters")
        assert shown(app)[:3] == ["model.2.bias", "model.11.weight", "model.11.bias"]  # NaN first
        await pilot.press("home", "x")
        await settle(pilot)
        assert isinstance(app.screen, Inspect)
        assert app.screen.query_one("VirtualTable").row_count == 11
        assert "model.2.bias" in text(app) and "only what was recorded" in text(app)


async def test_what_was_not_measured_is_said(recording) -> None:
    app = recording()
    async with app.run_test(size=MEDIUM) as pilot:
        await settle(pilot)
        assert "epoch 0 · sample 3" in text(app, "#parameters")
        assert "of an earlier sample: not measured since" in text(app, "#parameters")
        await pilot.press("S")
        await settle(pilot)
        assert "not measured" not in text(app, "#parameters")


async def test_one_scalar_parameter_has_neither_panel(recording) -> None:
    app = recording((Parameter("weight", (1,), "float32", "cpu"),))
    async with app.run_test(size=MEDIUM) as pilot:
        await settle(pilot)
        assert [panel.id for panel in app.screen.query("#parameters, #flow") if panel.region] == []
        assert not app.check_action("filter", ())
        app.screen.choose(7)
        await settle(pilot)
        assert [notice.message for notice in app._notifications] == [
            "no parameters to list: Weights shows what is trained"
        ]


async def test_before_any_parameter_is_known_the_panels_say_so(at_seed) -> None:
    app, link = at_seed(0, "starting")
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        for number, panel in ((7, "#parameters"), (8, "#flow")):
            app.screen.choose(number)
            await settle(pilot)
            assert "press s: the first sample tells" in text(app, panel)
        link.say(dataclasses.replace(link.status, state="running"))
        await settle(pilot)
        assert "Flow  the first sample tells" in text(app, "#flow")
        link.say(dataclasses.replace(link.status, steps=1))  # the seed's weight is one number
        await settle(pilot)
        assert app.screen.active == "weights"


async def test_ten_thousand_parameters_ask_for_what_is_on_screen(recording, monkeypatch) -> None:
    asked: list[int] = []
    app = recording(tuple(Parameter(f"model.{i}.w", (3,), "float32", "cpu") for i in range(10_000)))
    read = app._reader.parameter_columns
    monkeypatch.setattr(
        app._reader,
        "parameter_columns",
        lambda b, s, indexes, n: asked.append(len(indexes)) or read(b, s, indexes, n),
    )
    async with app.run_test(size=MEDIUM) as pilot:
        await settle(pilot)
        app.screen.choose(7)
        await pilot.press("end")
        await settle(pilot)
        assert app.screen.query_one("#parameters VirtualTable", VirtualTable).row_count == 10_001
        assert "9999.w" in text(app, "#parameters")
        assert max(asked) <= 64
        app.screen.choose(8)
        await settle(pilot)
        assert 8 <= len(app.screen.query_one(BarChart).bars) <= app.screen.query_one(BarChart).room


@pytest.mark.parametrize(("count", "mark"), [(12, "12 none"), (9_900, "none")])
def test_the_mark_of_a_module_says_of_how_many_if_there_is_room(count: int, mark: str) -> None:
    parameters = tuple(Parameter(f"model.{i}.w", (3,), "float32", "cpu") for i in range(count + 1))
    shown = columns(parameters, 17, "forward", reverse=False)["mark"].column
    norms = Norms((1.0,) * (count + 1), (*(None,) * count, 1.0), (*(None,) * count, 0.1))
    rows = ParameterRows(
        Measured(parameters, norms), [3] * (count + 1), ("mark",), frozenset(), lambda indexes, width: ()
    )
    whole = tree([parameter.name for parameter in parameters], range(count + 1))[0]
    assert str(rows.of([whole])[0].cells[0]) == mark
    assert len(mark) <= shown.width


@pytest.mark.parametrize(
    ("size", "number", "zoomed"),
    [(SMALL, 7, False), (SMALL, 8, False), (MEDIUM, 7, True), (MEDIUM, 8, False)],
    ids=["tree", "flow", "rows", "all"],
)
def test_picture(snap_compare, recording, size: tuple[int, int], number: int, zoomed: bool) -> None:
    app = recording()

    async def run(pilot) -> None:
        await stand_still(pilot)
        app.screen.choose(number)
        app.screen.zoomed = zoomed  # the panel Run has a path in it that differs from test to test
        await stand_still(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)
