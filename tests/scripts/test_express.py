"""Samples of one weight that take the short way are what they would be without it."""

import json
import math
from itertools import groupby

import pytest

from bptui.protocol import Pause, Step

from . import one_weight

SLOW = ("leaves_early",)
"""Where nothing says how many samples an epoch has."""


@pytest.fixture(scope="module")
def told(shared_workshop):
    """What the script says of its samples, and the kinds of those that took the short way."""
    path = shared_workshop.folder / "truth.json"
    done = shared_workshop.record(one_weight.__file__, str(path))
    assert (done.code, done.stderr) == (0, "")
    return done, *json.loads(path.read_text())


def numbers(sample):
    return [
        summary.item if summary else None
        for summary in map(sample.quantities.get, ("loss", "grad", "weight", "weight_after"))
    ]


def test_every_number_is_that_of_the_sample(told):
    done, truth, _ = told
    for (kind, epoch, index, *right), sample in zip(truth, done.samples, strict=False):
        assert (kind, sample.epoch, sample.index) == (kind, epoch, index)
        for number, expected in zip(numbers(sample), right, strict=True):
            assert number == expected or (math.isnan(number) and math.isnan(expected)), (kind, epoch, index)
    assert len(done.samples) == len(truth)


def test_most_samples_take_the_short_way_where_nothing_is_new(told):
    _, truth, passed = told
    for kind, samples in groupby(truth, key=lambda sample: sample[0]):
        share = passed.count(kind) / len([*samples])
        assert share == 0 if kind in SLOW else share > 0.1, (kind, share)


RESTS = """\
import time, torch
weight = torch.tensor([1.0], requires_grad=True)
for epoch in range(1000):
    for x in (1.0, 2.0, 3.0):
        if (epoch, x) == (500, 2.0):
            print("resting", flush=True)
            for _ in range(200):
                time.sleep(0.01)
        loss = (weight * x - 3 * x) ** 2
        loss.backward()
        weight.data -= 0.0001 * weight.grad
        weight.grad = None
"""


async def test_a_sample_in_which_it_is_paused_is_traced_to_its_end(workshop):
    async with workshop.session(workshop.write(RESTS)) as stepped:
        await stepped.session.obey(Step("run"))
        await stepped.until(lambda: b"resting" in stepped.text[1])
        await stepped.session.obey(Pause(at_once=True))
        await stepped.wait("paused")
        assert stepped.status.steps == 1501
        await stepped.step(1, "op")
        await stepped.step(1)
        graph = stepped.done().reader.graph(0, 1501)
        assert [node.name for node in graph if node.kind == "op"] == ["mul", "sub", "pow"]
        assert all(node.grad is not None for node in graph if node.kind == "op")
