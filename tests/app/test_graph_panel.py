"""The Graph panel as one uses it: modules fold and unfold, and stay so from sample to sample."""

from dataclasses import replace

import pytest

from bptui.app.app import BptuiApp
from bptui.app.panels.graph_rows import location, own_name, shortened
from bptui.app.screens.inspect import Inspect
from bptui.app.widgets.virtual_table import VirtualTable
from bptui.protocol import Status
from bptui.records import Node, Place

from .transformer import transformer

pytestmark = pytest.mark.usefixtures("impatience")


@pytest.fixture
def at_graph(recorded, fake_link):
    """Makes an app at the first sample of a recording with these graphs."""

    def make(*graphs):
        recording = (
            recorded().target().samples([{"epoch": 0, "index": i, "loss": 1.0} for i in range(len(graphs))])
        )
        for step, graph in enumerate(graphs):
            recording.graph(step, *graph)
        recording.state()
        link = fake_link(recording.path, Status("paused", 0, 1))
        return BptuiApp(link), link

    return make


def shown(app):
    """The rows of the panel, as far as they are on screen."""
    rows = table(app)
    return [rows.render_line(y).text.rstrip() for y in range(1, min(rows.row_count, rows.size.height - 1) + 1)]


def table(app):
    return app.screen.query_one("#graph VirtualTable", VirtualTable)


def border(app):
    return app.screen.query_one("#graph").border_subtitle


async def until(pilot, condition):
    """Wait for what is to be seen."""
    for _ in range(100):
        await pilot.pause()
        if condition():
            return
    raise AssertionError("\n".join(shown(pilot.app)))


def drawn(app, *parts):
    """Whether these stand in rows of the panel, one below the other."""
    lines = iter(shown(app))
    return all(any(part in line for line in lines) for part in parts)


async def zoomed(pilot, *parts):
    """The panel alone on the screen, once these stand in its rows."""
    await until(pilot, lambda: pilot.app.screen.query("#graph"))
    pilot.app.screen.choose(1)
    await pilot.press("z")
    await until(pilot, lambda: drawn(pilot.app, *parts))


async def test_enter_and_the_arrows_fold_and_unfold(at_graph) -> None:
    app, _ = at_graph(transformer())
    async with app.run_test(size=(120, 36)) as pilot:
        await zoomed(pilot, "▾ model", "▾ h", *(f"▸ {i}" for i in range(12)), "▸ lm_head")
        assert drawn(app, "▸ 0", "▸ 1") and "Block  10 ops" in shown(app)[5]
        await pilot.press(*["down"] * 5)
        await until(pilot, lambda: border(app) == "model.h.0  Block")
        await pilot.press("enter")
        await until(pilot, lambda: drawn(app, "▾ 0", "▸ ln_1", "▸ attn", "▸ 1"))
        await pilot.press("down", "down", "right", "right")
        await until(pilot, lambda: border(app) == "model.h.0.attn.c_attn  Linear")
        assert drawn(app, "▾ 0", "▸ ln_1", "▾ attn", "▸ c_attn")
        await pilot.press("left", "left")
        await until(pilot, lambda: drawn(app, "▾ 0", "▸ attn") and table(app).cursor == 7)
        await pilot.press("left", "left")
        await until(pilot, lambda: not drawn(app, "▾ 0") and table(app).cursor == 5)


async def test_all_at_once_and_back(at_graph) -> None:
    app, _ = at_graph(nodes := transformer())
    async with app.run_test(size=(120, 36)) as pilot:
        await zoomed(pilot, "▸ 11")
        before = table(app).row_count
        await pilot.press("*")
        await until(pilot, lambda: table(app).row_count > len(nodes))
        await pilot.press("*")
        await until(pilot, lambda: table(app).row_count == before)


async def test_folds_and_cursor_stay_while_stepping(at_graph) -> None:
    app, link = at_graph(transformer(), transformer(bad="NN"), transformer(layers=2))
    async with app.run_test(size=(120, 36)) as pilot:
        await zoomed(pilot, "▸ 11")
        await pilot.press(*["down"] * 6, "enter")
        await until(pilot, lambda: drawn(app, "▾ 1", "▸ ln_1", "▸ 2"))
        link.say(Status("paused", 0, 2))
        await until(pilot, lambda: drawn(app, "NaN in 1"))
        assert drawn(app, "▾ 1", "▸ ln_1", "▸ 2") and table(app).cursor == 6
        link.say(Status("paused", 0, 3))
        await until(pilot, lambda: drawn(app, "▾ 1") and not drawn(app, "▸ 2"))


async def test_what_is_not_finite_is_told_by_the_folded_module(at_graph) -> None:
    app, _ = at_graph(transformer(bad="NN"), transformer(bad="-"))
    async with app.run_test(size=(80, 24)) as pilot:
        await zoomed(pilot, "NaN in 1", "NaN in 1")
        told = [line for line in shown(app) if "NaN in 1" in line]
        assert len(told) == 2 and "▾ model" in told[0] and "▸ h" in told[1]


async def test_x_shows_what_comes_out_of_a_module(at_graph) -> None:
    app, _ = at_graph(transformer())
    async with app.run_test(size=(120, 36)) as pilot:
        await zoomed(pilot, "▸ 11")
        await pilot.press("down", "down", "x")
        await until(pilot, lambda: isinstance(app.screen, Inspect))
        assert "model.wpe  Embedding" in str(app.screen.query_one(".title").render())


async def test_of_a_graph_without_modules_every_row_is_there(at_graph) -> None:
    app, _ = at_graph(tuple(replace(node, module="", types="") for node in transformer(layers=1)))
    async with app.run_test(size=(120, 50)) as pilot:
        await zoomed(pilot, "nll_loss")
        assert not drawn(app, "▸") and not drawn(app, "▾")
        assert len(shown(app)) == len(transformer(layers=1))


def test_names_without_the_modules_around_them() -> None:
    assert own_name(Node("net.a.weight", "parameter", module="net.a")) == "weight"
    assert own_name(Node("net.a.weight", "parameter", module="net#2.a#3")) == "weight"
    assert own_name(Node("net.wte.weight", "parameter", module="net.head")) == "net.wte.weight"
    assert own_name(Node("weight", "parameter")) == "weight"


def test_what_is_too_long_loses_its_middle() -> None:
    assert shortened("model.blocks.3.attn", 19) == "model.blocks.3.attn"
    assert shortened("model.blocks.3.attn", 9) == "mode…attn"
    assert [len(shortened("model.blocks", room)) for room in range(4)] == [1, 1, 2, 3]


def test_a_long_file_name_keeps_its_beginning_and_the_line() -> None:
    node = Node("mul", "op", place=Place("/home/user/train_gpt.py", 113))
    assert [location(node, room) for room in (16, 15, 13, 12, 8)] == [
        "train_gpt.py:113", "train_gpt:113", "train_gpt:113", "train_g…:113", "tra…:113",
    ]  # fmt: skip
    assert location(Node("w", "parameter"), 12) == "parameter"
