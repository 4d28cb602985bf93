"""The screen that shows a tensor: its keys, what it asks, and what it says when nobody answers."""

import dataclasses

import numpy as np
import pytest
import torch

from bptui.app.screens.inspect import Inspect
from bptui.app.widgets.number_grid import NumberGrid
from bptui.protocol import Inspect as Question
from bptui.protocol import Inspected, TensorRef

pytestmark = pytest.mark.usefixtures("impatience")


def ramp(*shape):
    return torch.nn.Parameter(torch.arange(float(np.prod(shape))).reshape(shape))


def lines(app):
    return ["".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()]


async def until(pilot, *words):
    """Until all of these are on screen."""
    for _ in range(200):
        await pilot.pause()
        if all(word in " ".join("\n".join(lines(pilot.app)).split()) for word in words):
            return
    raise AssertionError("\n".join(lines(pilot.app)))


async def opened(pilot, *words):
    await until(pilot, "a tensor", "paused")
    pilot.app.screen.choose(7)
    await pilot.pause()
    await pilot.press("x")
    await until(pilot, "weight[", *words)


async def test_slices_elements_and_the_sample_before(at_tensor) -> None:
    before = ramp(2, 30, 40)
    app, _ = at_tensor(before.detach() + 0.5, before)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot, "weight[0, :, :] 2×30×40 float32 cpu", "min 0.5 max 2399.5", "zeros 0 of 2,400")
        await until(pilot, "weight[0, 0, 0] = 0.5 sample 1 0.0 Δ +0.5")
        await pilot.press("down", "right", "right")
        await until(pilot, "weight[0, 1, 2] = 42.5")
        await pilot.press("right_square_bracket")
        await until(pilot, "weight[1, :, :] 2×30×40", "weight[1, 0, 0] = 1200.5")
        await pilot.press("end", "pagedown", "pagedown", "pagedown", "pagedown")
        await until(pilot, "weight[1, 29, 39] = 2399.5", "2399.50000")
        await pilot.press("i", *["backspace"] * 20, *"[0, 3:, 7]", "enter")
        await until(pilot, "weight[0, 3:, 7] 2×30×40", "weight[0, 3, 7] = 127.5")
        await pilot.press("d")
        await until(pilot, "127.50000 127.00000 +0.50000")
        await pilot.press("i", *["backspace"] * 20, *"[9]", "enter")
        await until(pilot, "index 9 is out of range: dimension 0 has 2 elements", "weight[0, 3:, 7] 2×30×40")
        await pilot.press("tab")
        await until(pilot, "▶weight update", "value now − value after sample 1", "= 0.5")
        await pilot.press("escape")
        await until(pilot, "Parameters")
        assert not isinstance(app.screen, Inspect)


async def test_what_is_scrolled_is_asked_for(at_tensor) -> None:
    app, link = at_tensor(ramp(500, 300))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "weight[0, 0] = 0.0")
        grid = app.screen.query_one(NumberGrid)
        asked = len(link.sent)
        await pilot.press("up", "down", "down")
        assert len(link.sent) == asked  # all of it is here
        await pilot.press("ctrl+end")
        await until(pilot, "weight[499, 299] = 149999.0")
        await pilot.press("ctrl+home")
        await until(pilot, "weight[0, 0] = 0.0")
        grid._on_mouse_scroll_down(_Stopped())
        await until(pilot, "weight[3, 0] = 900.0")
        for question in (each for each in link.sent if isinstance(each, Question)):
            rows, columns = question.window
            assert rows * columns < 200 and question.stop == 3


class _Stopped:
    def stop(self):
        pass


async def test_the_next_nan_is_found_in_other_slices_too(at_tensor) -> None:
    weight = ramp(3, 4, 5)
    weight.data[2, 1, 3] = float("nan")
    app, _ = at_tensor(weight)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "1 NaN")
        await pilot.press("N")
        await until(pilot, "weight[2, :, :] 3×4×5", "weight[2, 1, 3] = nan", "N")
        weight.data[2, 1, 3] = 1.0
        await pilot.press("N")
        await until(pilot, "all elements of weight are finite")


async def test_it_is_copied_and_written(at_tensor, tmp_path) -> None:
    app, _ = at_tensor(ramp(2, 3))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("y")
        assert app.clipboard == "0.0\t1.0\t2.0\n3.0\t4.0\t5.0"
        await pilot.press("w", "enter")
        await until(pilot, "2×3 written into ./weight-value.npy")
        assert np.array_equal(np.load(tmp_path / "weight-value.npy"), [[0, 1, 2], [3, 4, 5]])
        await pilot.press("w", "enter")
        await until(pilot, "there already, nothing written: ./weight-value.npy")
        await pilot.press("w", "escape")
        assert isinstance(app.screen, Inspect)


async def test_only_the_newest_answer_counts(at_tensor) -> None:
    app, link = at_tensor(ramp(2, 3))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        app.screen.take(Inspected(link.sent[-1].request - 1, values=((9.0,),), size=(1, 1), device="cpu"))
        await pilot.pause()
        assert "9.00000" not in "\n".join(lines(app))


async def test_when_the_training_goes_on_it_says_so(at_tensor) -> None:
    app, link = at_tensor(ramp(2, 3))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "▀")
        await pilot.press("i", *"[1, 1:]", "enter")
        await until(pilot, "weight[1, 1:]")
        asked = len(link.sent)
        link.say(dataclasses.replace(link.status, state="running"))
        await until(pilot, "the training does not stand there any more")
        await pilot.press("tab", "right_square_bracket", "N", "w", "d")
        assert len(link.sent) == asked
        link.lose()
        await until(pilot, "does not stand there any more")
        await pilot.press("escape")
        assert not isinstance(app.screen, Inspect)


async def test_a_tensor_that_is_not_there_any_more(at_tensor) -> None:
    app, _ = at_tensor(ramp(2, 3))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        app.screen._tensors[0] = app.screen._tensors[0]._replace(ref=TensorRef("parameter", 7, "weight"))
        app.screen._open()
        await until(pilot, "its tensor is not at hand at this stop")
