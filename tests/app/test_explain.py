"""The panel Explain: on the lesson as it was recorded, and where there is nothing to explain."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest

from bptui.app.app import BptuiApp
from bptui.app.messages import StatusArrived
from bptui.app.panels.explain import NOT_A_STOP
from bptui.app.panels.explained import Page
from bptui.protocol import Ask, Status, pack_explanations, pack_graph
from bptui.recording.reader import Reader
from bptui.recording.schema import sample_id
from bptui.records import (
    ExplainedRow,
    Explanation,
    Explanations,
    GradientCheck,
    InputGradient,
    Kind,
    Node,
    Place,
    TensorSummary,
)  # fmt: skip

from .test_snapshots import ANSI, DARK, LARGE, LIGHT, MEDIUM, SMALL, stand_still, then, utc  # noqa: F401

STOP = 3
"""After so many samples the seed stands still, and the last of them is explained."""

SCALAR = TensorSummary.of_one(1.0, Kind((), "float32", "cpu"))


def studied(generator):
    """The rows of a loop's next sample, and what can be said of them, as the debuggee itself does it."""
    from bptui.debuggee.graph import Tracer

    with Tracer(explains=lambda: True) as tracer:
        sample = next(generator)
    return tracer.graph(sample, generator.gi_frame), tracer.study


def write(path, *rows) -> None:
    db = sqlite3.connect(path)
    for table, key, content in rows:
        db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, content))
    db.commit()
    db.close()


@pytest.fixture
def explained(seed) -> Explanations:
    """The explanations of the lesson's third sample, in its recording."""
    from bptui.loops.linear import linear

    generator = linear()
    next(generator), next(generator)
    explanations: Explanations = studied(generator)[1].explanations()
    write(seed, ("explanations", sample_id(0, STOP - 1), pack_explanations(explanations)))
    return explanations


@pytest.fixture
def at_stop(explained, at_seed) -> Callable[[], BptuiApp]:
    """Makes an app on a session whose debuggee has explained its third sample."""
    return lambda: at_seed(STOP)[0]


@pytest.fixture
def at_attention(seed, at_seed) -> Callable[[], BptuiApp]:
    """Makes an app on a session that has explained a block of attention and checked its softmax."""
    from .attention import attention

    nodes, study = studied(attention())
    nodes = tuple(replace(node, place=None) for node in nodes)
    study.answer(next(row for row, node in enumerate(nodes) if node.name == "softmax"), "check")
    key = sample_id(0, STOP - 1)
    found = study.explanations()
    ((row, check),) = found.checks
    assert 0 < check.error < 1e-5
    # The last bits are another processor's.
    check = replace(check, error=3.878e-6, reading=re.sub(r"[\d.]+e\S\d", "3.878e−6", check.reading, count=1))
    explanations = pack_explanations(replace(found, checks=((row, check),)))
    write(seed, ("graphs", key, pack_graph(nodes)), ("explanations", key, explanations))
    return lambda: at_seed(STOP)[0]


def text(lines) -> str:
    return "\n".join(line.plain for line in lines)


@pytest.mark.parametrize(
    ("size", "theme"),
    [(LARGE, DARK), (MEDIUM, DARK), (SMALL, DARK), (SMALL, LIGHT)],
    ids=["large", "medium", "small", "light"],
)
def test_the_chain_of_the_lesson(snap_compare, at_stop, size, theme) -> None:
    app = at_stop()
    assert snap_compare(app, terminal_size=size, run_before=then("y", theme=theme))


def test_the_formula_of_an_op(snap_compare, at_stop) -> None:
    app = at_stop()
    assert snap_compare(app, terminal_size=MEDIUM, run_before=then("y", "1", "a", "down", "down", theme=ANSI))


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE], ids=["small", "medium", "large"])
def test_attention(snap_compare, at_attention, size) -> None:
    keys = ("y", "1", "a", "*", *["down"] * 8, "y")
    assert snap_compare(at_attention(), terminal_size=size, run_before=then(*keys))


async def test_a_key_asks_for_a_check(explained, at_seed) -> None:
    app, link = at_seed(STOP)
    async with app.run_test(size=MEDIUM) as pilot:
        await stand_still(pilot)
        link.sent.clear()
        await then("y", "v")(pilot)
        assert not link.sent and "weight is no op" in str(next(iter(app._notifications)).message)
        await then("1", "a", "down", "down", "v")(pilot)
        assert link.sent == [Ask(STOP - 1, 2, "check")]
        assert "… comparing" in app.screen.panel("explain").query_one("Static").render().plain
        await then("S", "v")(pilot)
        assert link.sent == [Ask(STOP - 1, 2, "check")]


async def test_numbers_that_are_not_there_are_asked_for_once(seed, explained, at_seed) -> None:
    poor = replace(explained, rows=explained.rows[:2], left_out=(2,))
    write(seed, ("explanations", sample_id(0, STOP - 1), pack_explanations(poor)))
    app, link = at_seed(STOP)
    async with app.run_test(size=MEDIUM) as pilot:
        await stand_still(pilot)
        link.sent.clear()
        await then("y", "1", "a", "down", "down")(pilot)
        await stand_still(pilot)
        assert link.sent == [Ask(STOP - 1, 2, "numbers")]
        said = app.screen.panel("explain").query_one("Static").render().plain
        assert "mul.Tensor(Tensor self" in said and "∂L/∂a = g · b" in said and "was used" in said
        write(seed, ("explanations", sample_id(0, STOP - 1), pack_explanations(explained)))
        app.post_message(StatusArrived(Status("paused", 0, STOP, revision=9)))
        await stand_still(pilot)
        assert "= −32.4576" in app.screen.panel("explain").query_one("Static").render().plain
        assert link.sent == [Ask(STOP - 1, 2, "numbers")]


def test_what_finite_differences_say(recorded) -> None:
    nodes, explanations = mlp()
    place = Place("/home/user/cube.py", 11)
    wrong = GradientCheck(
        "Cube", "relative error 0.5: wrong", 0.5, 8, 1, "float64", "argument 0 [2]", 3.0, 2.0, place
    )
    none = GradientCheck("sum", "not checked", remark="its call was not heard")
    explanations = replace(explanations, checks=((2, wrong), (4, none)))
    graph = recorded().samples([{"epoch": 0, "index": 0, "loss": 1.0}]).graph(0, *nodes).reader().graph(0, 0)
    page = Page(graph, explanations, 76)
    said = text(page.lines(2))
    assert "✖ relative error 0.5: wrong" in said and "Cube.backward: /home/user/cube.py:11" in said
    assert "autograd 3, finite differences 2 at argument 0 [2]" in said
    assert "– not checked" in text(page.lines(4)) and "its call was not heard" in text(page.lines(4))


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
    assert "1 of the ops on the way: without numbers: the budget of 150 ms" in said
    assert "used up" in text(page.lines(3))
    assert text(page.lines(1)) == "x is data: it gets no gradient"
    for width in (20, 40, 76):
        assert all(
            len(line) <= max(width, 35)
            for row in (0, 3, 4)
            for line in text(Page(graph, explanations, width).lines(row)).splitlines()
        )
