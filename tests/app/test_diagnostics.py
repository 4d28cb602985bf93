"""The Diagnostics panel, the count in the status line, the notice of new findings."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from bptui.app.app import BptuiApp
from bptui.app.panels.diagnostics import DiagnosticsPanel
from bptui.app.panels.graph import GraphPanel
from bptui.app.status_line import StatusLine
from bptui.app.widgets.virtual_table import VirtualTable
from bptui.protocol import Noticed, Status
from bptui.records import Node

pytestmark = pytest.mark.usefixtures("impatience")

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def burst(recorded):
    """Gradients are not zeroed from sample 2 to 4, and there is log(0) in sample 3 alone."""
    recording = recorded("burst.bptui").target("a loop that bursts")
    for step in range(6):
        if step in (1, 4):
            recording.writer.noticed(Noticed(step, "gradient-not-zeroed", ("weight",) * (step == 1)))
        recording.samples([{"epoch": 0, "index": step, "loss": NAN if step == 2 else 1.0}], samples=6)
    value = recording.summary
    x, log = Node("x", "input", (), value(0.0)), Node("log", "op", (0,), value(-INF), value(1.0))
    return recording.graph(2, x, log, Node("mul", "op", (1,), value(NAN), value(1.0))).state()


def rows(app: BptuiApp) -> list[str]:
    table = app.screen.query_one(DiagnosticsPanel).query_one(VirtualTable)
    lines = [" ".join(table.render_line(y).text.split()) for y in range(table.row_count)]
    return [line.removeprefix("›").strip() for line in lines]


def title(app: BptuiApp) -> str:
    return app.screen.query_one(DiagnosticsPanel).border_title or ""


def status_line(app: BptuiApp) -> str:
    return str(app.screen.query_one(StatusLine).render())


async def settle(pilot: Pilot) -> None:
    await pilot.pause()
    await pilot.pause()


async def test_what_was_open_at_the_sample_shown(burst) -> None:
    app = BptuiApp(reader=burst.reader())
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("D")
        await settle(pilot)
        assert title(app) == "D Diagnostics  1 open of 3"
        assert rows(app) == [
            "✔ 2–4 gradient-not-zeroed weight", "✔ 3–3 not-finite-sample loss", "! 3– not-finite-op log",
        ]  # fmt: skip
        await pilot.press("S", "S", "S")
        await settle(pilot)
        assert [row[0] for row in rows(app)] == ["!", "!", "!"]
        assert "! 3 diagnoses" in status_line(app)
        await pilot.press("S")
        await settle(pilot)
        assert [row[0] for row in rows(app)] == ["!", "…", "…"]
        assert "! 1 diagnosis" in status_line(app)
        assert not app._notifications, "of a recording nothing is new"


async def test_enter_goes_to_the_sample_and_the_row(burst) -> None:
    app = BptuiApp(reader=burst.reader())
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("D", "down", "down", "enter")
        await settle(pilot)
        assert app.view.step == 2
        assert app.screen.query_one(GraphPanel).selected == 1


async def test_only_what_is_new_is_told_while_it_runs(burst, fake_link) -> None:
    link = fake_link(burst.path, Status("paused", 0, 1))
    app = BptuiApp(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        said = []
        for steps in (1, 2, 3, 4):
            link.say(Status("paused", 0, steps, revision=steps))
            await settle(pilot)
            said.append([each.message for each in app._notifications])
            app.clear_notifications()
        first = (
            "gradient-not-zeroed: weight\nthe gradient of an update before was still there when backward() began"
        )
        assert said == [[first], [], ["2 diagnoses: not-finite-sample, not-finite-op"], []]


async def test_attaching_to_a_long_run_tells_nothing_of_its_past(burst, fake_link) -> None:
    app = BptuiApp(fake_link(burst.path, Status("paused", 0, 6)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        assert app.view.findings and not app._notifications
