"""The panel Explain: on the lesson as it was recorded, and where there is nothing to explain."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from bptui.app.app import BptuiApp
from bptui.app.panels.explain import NOT_A_STOP
from bptui.app.panels.explained import Page
from bptui.protocol import pack_explanations
from bptui.recording.reader import Reader
from bptui.recording.schema import sample_id
from bptui.records import ExplainedRow, Explanation, Explanations, InputGradient, Kind, Node, TensorSummary

from .test_snapshots import ANSI, DARK, LIGHT, MEDIUM, SMALL, stand_still, then, utc  # noqa: F401

STOP = 3
"""After so many samples the seed stands still, and the last of them is explained."""

SCALAR = TensorSummary.of_one(1.0, Kind((), "float32", "cpu"))


@pytest.fixture
def at_stop(seed, at_seed) -> Callable[[], BptuiApp]:
    """Makes an app on a session whose debuggee has explained its third sample."""
    from bptui.debuggee.graph import Tracer  # as the debuggee itself does it
    from bptui.loops.linear import linear

    generator = linear()
    next(generator), next(generator)
    with Tracer(explains=lambda: True) as tracer:
        sample = next(generator)
    tracer.graph(sample, generator.gi_frame)
    assert tracer.explanations
    db = sqlite3.connect(seed)
    row = (sample_id(0, STOP - 1), pack_explanations(tracer.explanations))
    db.execute("INSERT INTO explanations VALUES (?, ?)", row)
    db.commit()
    db.close()
    return lambda: at_seed(STOP)[0]


def text(lines) -> str:
    return "\n".join(line.plain for line in lines)


@pytest.mark.parametrize(
    ("size", "theme"), [(MEDIUM, DARK), (SMALL, DARK), (SMALL, LIGHT)], ids=["medium", "small", "light"]
)
def test_the_chain_of_the_lesson(snap_compare, at_stop, size, theme) -> None:
    app = at_stop()
    assert snap_compare(app, terminal_size=size, run_before=then("y", theme=theme))


def test_the_formula_of_an_op(snap_compare, at_stop) -> None:
    app = at_stop()
    assert snap_compare(app, terminal_size=MEDIUM, run_before=then("y", "1", "a", "down", "down", theme=ANSI))


async def test_it_follows_the_selected_row(at_stop) -> None:
    app = at_stop()
    async with app.run_test(size=MEDIUM) as pilot:
        await stand_still(pilot)
        await then("y", "1", "a")(pilot)
        panel = app.screen.panel("explain")
        assert str(panel.border_title).endswith("weight")
        await then("down", "down")(pilot)
        assert str(panel.border_title).endswith("mul")
        await then("2", "a")(pilot)
        assert not panel.is_on_screen


async def test_what_was_not_a_stop_says_so(at_seed) -> None:
    app, _ = at_seed(5)
    async with app.run_test(size=SMALL) as pilot:
        await then("9", "a")(pilot)
        assert NOT_A_STOP[:20] in app.screen.panel("explain").query_one("Static").render().plain


async def test_a_recording_of_the_version_before_opens(seed) -> None:
    db = sqlite3.connect(seed)
    db.execute("DROP TABLE explanations")
    db.execute("PRAGMA user_version = 6")
    db.commit()
    db.close()
    app = BptuiApp(reader=Reader(seed))
    async with app.run_test(size=SMALL) as pilot:
        await then("9", "a")(pilot)
        assert NOT_A_STOP[:20] in app.screen.panel("explain").query_one("Static").render().plain


def mlp() -> tuple[tuple[Node, ...], Explanations]:
    wide = TensorSummary((8, 4), "float32", "cpu", -1.0, 1.0, 0.0, 0.2, 1.0, 0, 0, 0, 0, (0.5,) * 32)
    nodes = (
        Node("weight", "parameter", (), wide),
        Node("x", "input", (), wide),
        Node("addmm", "op", (0, 1), wide),
        Node("exp", "op", (2,), wide),
        Node("sum", "op", (3,), SCALAR),
    )
    inputs = (InputGradient("self", shape=(8, 4), norm=1.5, factor=0.5),)
    rows = (
        ExplainedRow(4, (3,), Explanation("SumBackward0", "sum", shape=(), norm=3.0, inputs=inputs)),
        ExplainedRow(2, (0,), Explanation("AddmmBackward0", "addmm", shape=(8, 4), norm=9.0, inputs=inputs)),
    )
    return nodes, Explanations(rows, (3,), 0.15, (4,))


def test_tensors_have_shapes_and_norms_along_the_way(recorded) -> None:
    nodes, explanations = mlp()
    graph = recorded().samples([{"epoch": 0, "index": 0, "loss": 1.0}]).graph(0, *nodes).reader().graph(0, 0)
    page = Page(graph, explanations, 76)
    said = text(page.lines(0))
    assert "sum → exp" in said and "3.0000    1.5000   ×0.5000  scalar → 8×4" in said
    assert "1 of the ops on the way: not explained: the budget of 150 ms" in said
    assert "used up" in text(page.lines(3))
    assert text(page.lines(1)) == "x is data: it gets no gradient"
    for width in (20, 40, 76):
        assert all(
            len(line) <= max(width, 35)
            for row in (0, 3, 4)
            for line in text(Page(graph, explanations, width).lines(row)).splitlines()
        )
