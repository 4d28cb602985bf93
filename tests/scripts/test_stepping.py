"""A script is stepped as a lesson is: the seed's own code, sample by sample."""

import asyncio
import math
import os
import signal

import pytest

from bptui.breakpoints import parse_breakpoint
from bptui.explain.chain import chain, links
from bptui.loops.linear import linear
from bptui.protocol import Breakpoints, Pause, Reset, Step

SEED = """\
import numpy as np
import torch

class BackPropagationModel:
    def __init__(self, weight):
        self.weight = weight

    def forward(self, input_x):
        return input_x * self.weight

    def loss_function(self, input_x, true_output_y):
        output_prediction = self.forward(input_x)
        return (output_prediction - true_output_y) ** 2

x = np.arange(1.0, 10.0, 1.0)
y = 3 * x
weight = torch.tensor([1.0], requires_grad=True)
lr = 0.01

for epoch in range(100):
    for training_x, training_y in zip(x, y):

        model = BackPropagationModel(weight)

        # forward to get the loss
        loss = model.loss_function(training_x, training_y)

        # backward to get the opt
        loss.backward()
        print("Grad =", weight.grad.item())

        # update the weight
        weight.data -= lr * weight.grad.data
        weight.grad.data.zero_()
    print("Epoch:", epoch, "Weight =", weight.data.item())
"""

BACKWARD = SEED[: SEED.index("loss.backward()")].count("\n") + 1


async def test_the_seeds_script_is_the_lesson(workshop):
    async with workshop.session(workshop.write(SEED)) as stepped:
        assert stepped.status.steps == 0
        await stepped.step(1)
        assert stepped.status.steps == 1
        await stepped.step(8)
        assert (stepped.status.state, stepped.status.steps) == ("paused", 9)
        assert stepped.text[1].decode().splitlines()[-1].startswith("Grad =")
        await stepped.step(1)
        assert stepped.text[1].decode().splitlines()[-2].startswith("Epoch: 0")
        await stepped.step(1, "run")
        assert (stepped.status.state, stepped.status.steps) == ("finished", 900)
        samples = stepped.done().samples
        reader = stepped.done().reader
        lesson = linear()
        for sample, right in zip(samples, lesson, strict=True):
            numbers = {name: summary.item for name, summary in sample.quantities.items()}
            assert (sample.epoch, sample.index) == (right.epoch, right.index)
            assert numbers == {
                "loss": right.loss.item(), "grad": right.grad, "weight": right.weight,
                "weight_after": right.weight_after.item(),
            }  # fmt: skip
            assert sample.layout.place.line == BACKWARD
        graph = reader.graph(0, 0)
        assert [(node.name, node.kind) for node in graph if node.kind == "parameter"] == [("weight", "parameter")]
        assert [node.name for node in graph if node.kind == "op"] == ["mul", "sub", "pow"]
        assert graph[-1].value.item == samples[0].quantities["loss"].item
        explained = [step for step in range(900) if reader.explanations(0, step)]
        # Of the stops, of the first epoch's end, which nobody could know before, and of the run's end.
        assert {0, 8, 9, 899} <= {*explained} and len(explained) <= 6
        for step in explained:
            graph, told = reader.graph(0, step), reader.explanations(0, step)
            way = chain(graph, links(told.rows), 0, told.losses[-1])
            assert len(told.rows) == 3 and math.isclose(way.total, graph[0].grad.item, rel_tol=1e-6)
        printed = reader.output(0, reader.output_count())
        assert [line.step for line in printed if line.text.startswith("Grad")] == list(range(900))


async def test_epochs_breakpoints_pause_and_reset(workshop):
    slow = SEED.replace("import torch\n", "import torch, time\n").replace(
        "    loss.backward()", "    loss.backward(); time.sleep(0.001)"
    )
    async with workshop.session(workshop.write(slow)) as stepped:
        await stepped.step(1, "epoch")
        assert stepped.status.steps == 9
        await stepped.step(1, "epoch")
        assert stepped.status.steps == 18
        await stepped.session.obey(Breakpoints((parse_breakpoint("sample 5", 1),)))
        await stepped.step(1, "run")
        assert (stepped.status.steps, stepped.status.detail) == (23, "breakpoint 1: sample 5")
        reader = stepped.done().reader
        assert all(reader.parameter_stats(0, step) for step in (9, 17, 22))  # wherever it has stopped
        assert reader.parameters(0, 22)[0].name == "weight"
        await stepped.session.obey(Breakpoints(()))
        await stepped.session.obey(Step("run"))
        await stepped.until(lambda: stepped.status.steps > 30)
        await stepped.session.obey(Pause())
        await stepped.wait("paused")
        paused = stepped.status.steps
        await asyncio.sleep(0.1)
        assert stepped.status.steps == paused < 900
        assert stepped.done().reader.inside(0).step == paused
        await stepped.step()
        assert stepped.done().reader.graph(0, paused)
        await stepped.session.obey(Reset())
        await stepped.wait("paused")
        assert (stepped.status.branch, stepped.status.steps) == (1, 0)
        await stepped.step(2)
        assert stepped.status.steps == 2


async def test_many_samples_without_a_loop_are_traced(workshop):
    """They are complete when the next backward pass begins, in the midst of a traced op."""
    script = workshop.write("""
        import sys, torch
        weight = torch.ones(3, requires_grad=True)
        sys.settrace(lambda *_: None)
        opt = torch.optim.SGD([weight], 0.1)
        for i in range(100):
            opt.zero_grad()
            (weight * 2).sum().backward()
            opt.step()
        from torch.overrides import _get_current_function_mode_stack
        print(len(_get_current_function_mode_stack()))
    """)
    async with workshop.session(script) as stepped:
        while stepped.status.state == "paused":
            await stepped.step(40)
        done = stepped.done()
        assert done.code == 0
        assert int(done.stdout) <= 1
        assert len(done.samples) == 100
        assert all(done.reader.graph(0, step) for step in range(100))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_killed_from_outside(workshop, number):
    script = workshop.write(
        "import os, time\nprint(os.getpid(), flush=True)\nos.system('sleep 100 &')\ntime.sleep(100)"
    )
    async with workshop.session(script) as stepped:
        await stepped.session.obey(Step("run"))
        await stepped.until(lambda: stepped.text[1].endswith(b"\n"))
        os.kill(int(stepped.text[1]), number)
        await stepped.wait("failed")
        assert signal.Signals(number).name in stepped.status.detail
    workshop.assert_empty()


async def test_quitting_while_it_runs_lets_it_clean_up(workshop, monkeypatch):
    script = workshop.write("""
        import torch
        weight = torch.ones(1, requires_grad=True)
        try:
            while True:
                weight.sum().backward()
        finally:
            open("cleaned.txt", "w").write("up")
    """)
    monkeypatch.chdir(workshop.folder)
    async with workshop.session(script) as stepped:
        await stepped.session.obey(Step("run"))
        await stepped.until(lambda: stepped.status.steps > 100)
    assert (workshop.folder / "cleaned.txt").read_text() == "up"
    assert stepped.text[2] == b""
