"""The panel Op: a stop inside a sample, beside the graph so far."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from bptui.app.app import BptuiApp
from bptui.breakpoints import parse_breakpoint
from bptui.protocol import Step, pack_graph, to_json
from bptui.records import FIRST, Frame, Hits, InsideStop, Kind, Node, Part, Place, TensorSummary

from .test_snapshots import LARGE, MEDIUM, SMALL, stand_still, then, utc  # noqa: F401

STOP = 3
KIND = Kind((), "float32", "cpu")


def one(value: float) -> TensorSummary:
    return TensorSummary.of_one(value, KIND)


def op(name: str, inputs: tuple[int, ...], value: float, grad: float | None) -> Node:
    return Node(name, "op", inputs, one(value), None if grad is None else one(grad), None, name)


LEAVES = (Node("weight", "parameter", (), one(1.5214)), Node("training_x", "input", (), one(4.0)))
FORWARD = (*LEAVES, op("mul", (0, 1), 6.0855, None), op("sub", (2,), -5.9145, None))
BACKWARD = (*FORWARD[:3], op("sub", (2,), -5.9145, -11.8290), op("pow", (3,), 34.9813, 1.0))


def stop_in(phase: str, path: str) -> tuple[InsideStop, tuple[Node, ...]]:
    """A stop in this phase of the fourth sample of the seed, and the graph there."""
    line = Place(path, 30)
    return {
        "forward": (
            InsideStop(STOP, "forward", 2, 0, "sub", 3, line, parts=(
                Part("input", "mul", one(6.0855)), Part("input", "training_y", one(12.0)),
                Part("output", "", one(-5.9145)),
            )), FORWARD,
        ),
        "backward": (
            InsideStop(STOP, "backward", 2, 4, "SubBackward0", 3, line, parts=(
                Part("gradient in", "output", one(-11.8290)), Part("gradient out", "mul", one(-11.8290)),
                Part("waits", "weight", None),
            ), made_by=(Frame("BackPropagationModel.loss_function", line), Frame("linear", Place(path, 53)))),
            BACKWARD,
        ),
        "update": (
            InsideStop(STOP, "update", 2, 0, "sub_", -1, line, parts=(
                Part("input", "weight", one(1.5214)), Part("input", "", one(-0.4732)),
                Part("output", "weight", one(1.9946)),
            )),
            (Node("weight", "parameter", (), one(1.5214), one(-47.3160)), *BACKWARD[1:2],
             op("mul", (0, 1), 6.0855, -11.8290), *BACKWARD[3:]),
        ),
        "first NaN": (
            InsideStop(STOP, "forward", 2, 0, "log", 3, line, parts=(
                Part("input", "mul", one(0.0)), Part("output", "", one(-math.inf)),
            )), (*LEAVES, op("mul", (0, 1), 0.0, None), op("log", (2,), -math.inf, None)),
        ),
    }[phase]  # fmt: skip


@pytest.fixture
def inside(seed, at_seed) -> Callable[[], BptuiApp]:
    """Makes an app on a session that stands inside the fourth sample, half way through its backward pass if not
    told otherwise."""

    def make(phase: str = "backward", **status: Any) -> BptuiApp:
        db = sqlite3.connect(seed)
        (path,) = db.execute("SELECT path FROM sources").fetchone()
        stop, nodes = stop_in(phase, path)
        db.execute("INSERT INTO inside VALUES (0, ?, ?)", (to_json(stop), pack_graph(nodes)))
        db.commit()
        db.close()
        app: BptuiApp = at_seed(STOP, **status)[0]
        return app

    return make


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE], ids=["small", "medium", "large"])
@pytest.mark.parametrize("phase", ["forward", "backward", "update"])
def test_a_stop_inside_a_sample(snap_compare, inside, phase, size) -> None:
    """On a small terminal it comes to the front by itself."""
    assert snap_compare(inside(phase), terminal_size=size, run_before=then())


async def test_it_says_what_went_in_and_what_came_out(inside) -> None:
    app = inside()
    async with app.run_test(size=SMALL) as pilot:
        await stand_still(pilot)
        panel = app.screen.panel("op")
        assert panel.is_on_screen
        assert str(panel.border_title) == "0 Op  backward node 2/4 SubBackward0"
        title, facts = panel.inspected(app.view, app._reader)
        assert title == "SubBackward0"
        assert [each.name for each in facts] == ["gradient in output", "gradient out mul", "waits weight"]


async def test_the_calls_that_made_a_node_are_walked(inside) -> None:
    app = inside()
    async with app.run_test(size=MEDIUM) as pilot:
        await stand_still(pilot)
        source = app.screen.panel("source")
        assert "forward frame 1/2 BackPropagationModel.loss_function()" in str(source.border_title)
        assert "the forward pass made SubBackward0" in str(source.border_subtitle)
        await then("u")(pilot)
        assert "forward frame 2/2 linear()" in str(source.border_title)


async def test_its_keys_finish_the_module_and_run_to_the_selected_row(inside) -> None:
    app = inside()
    async with app.run_test(size=MEDIUM) as pilot:
        await then("f", "shift+f11", "1", "up", "t")(pilot)
        assert app._link.sent == [Step("module"), Step("module"), Step("row", 3)]


async def test_another_row_stays_selected_while_it_stands_there(inside) -> None:
    app = inside()
    async with app.run_test(size=MEDIUM) as pilot:
        await then("1", "up")(pilot)
        assert app.screen.graph_row == 2
        app._look()  # as with every status that arrives
        await stand_still(pilot)
        assert app.screen.graph_row == 2


@pytest.mark.parametrize("size", [SMALL, MEDIUM], ids=["small", "medium"])
def test_where_it_was_first_not_finite(snap_compare, inside, size) -> None:
    reason = f"{FIRST}log, output has 1 −Inf; its inputs are finite"
    stop = parse_breakpoint("nan", 1)
    app = inside(
        "first NaN", detail=reason, recorded=STOP + 1, checkpoints=(0, 2, 4), checkpoint_bytes=47 << 20,
        breakpoints=(stop,), hit=(1,), hits=(Hits(1, 1, STOP + 1),),
    )  # fmt: skip
    assert snap_compare(app, terminal_size=size, run_before=then())
