"""The trainers that people use: samples, epochs, updates, parameters are found, and nothing is changed."""

import asyncio
import importlib.util
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent

ALL_BARE = """
import runpy, sys
for path in sys.argv[1:]:
    print("script", path)
    runpy.run_path(path, run_name="__main__")
"""


class Trained(NamedTuple):
    """What is to be found in a training of two epochs."""

    per_epoch: int
    sample: str
    epoch: str
    update: str
    weight: str
    loss: str | None = None
    is_epoch_declared: bool = True


FOUND = ("sample", "epoch", "update", "loss")

BY_TWO = "of the last of 2 backward passes per sample; x shows all"

TRAINERS = {
    "pytorch_lightning": Trained(
        3,
        "each update of the weights: the loop is pytorch_lightning's",
        "variable self.current_epoch in backward() of pytorch_lightning",
        "Adam.step()",
        "model.layer.weight",
        BY_TWO,
    ),
    "transformers": Trained(
        3,
        "each update of the weights: the loop is transformers's",
        "variable epoch in _run_epoch() of transformers",
        "AdamW.step()",
        "trainer.model.layer.weight",
        BY_TWO,
    ),
    "skorch": Trained(
        6,
        "each update of the weights: the loop is skorch's",
        "each pass over the DataLoader",
        "SGD.step()",
        "net.module_.layer.weight",
    ),
    "fastai": Trained(
        6,
        "each update of the weights: the loop is fastai's",
        "variable self.epoch in _backward() of fastai",
        "by hand: the weights have changed",
        "learner.model.0.weight",
        is_epoch_declared=False,
    ),
    "accelerate": Trained(
        6,
        "each iteration of the loop at accelerate_training.py:14",
        "the loop at accelerate_training.py:13, variable epoch",
        "Adam.step()",
        "model.0.weight",
    ),
}

THERE = [name for name in TRAINERS if importlib.util.find_spec(name)]


def script(name):
    return HERE / f"{name}_training.py"


def losses(text):
    return [line for line in text.splitlines() if line.startswith("loss ")]


@pytest.fixture(scope="module")
def bare(shared_workshop):
    """What each says by itself; one process runs them all, since importing them is what takes time."""
    done = shared_workshop.bare("-c", ALL_BARE, *map(str, map(script, THERE)))
    assert done.code == 0, done.stderr
    parts = done.stdout.split("script ")[1:]
    return {name: losses(part) for name, part in zip(THERE, parts, strict=True)}


@pytest.mark.parametrize("name", TRAINERS)
def test_trainer(shared_workshop, request, name):
    if name not in THERE:
        pytest.skip(f"{name} is not installed")
    right = TRAINERS[name]
    done, stops = asyncio.run(step_and_run(shared_workshop, script(name)))
    assert (done.code, done.branch.state) == (0, "finished")
    assert stops == (1, right.per_epoch + (not right.is_epoch_declared))
    assert done.places == [(epoch, index) for epoch in range(2) for index in range(right.per_epoch)]
    facts = done.reader.facts()
    assert "trouble" not in facts
    assert [facts.get(key) for key in FOUND] == [getattr(right, key) for key in FOUND]
    parameters = [right.weight, right.weight.replace("weight", "bias")]
    assert [parameter.name for parameter in done.reader.parameters(0, 0)] == parameters
    assert all(stats.update > 0 and stats.grad for stats in done.reader.parameter_stats(0, right.per_epoch - 1))
    names = [node.name for node in done.reader.graph(0, 0) if node.kind == "parameter"]
    assert sorted(names) == sorted(parameters)
    assert losses(done.stdout) == request.getfixturevalue("bare")[name]


async def step_and_run(workshop, path):
    """Run one sample, an epoch, then the rest; gives what became of it, and how many samples there were."""
    async with workshop.session(str(path)) as stepped:
        first = await stepped.step(1)
        epoch = await stepped.step(1, "epoch")
        await stepped.step(1, "run")
        return stepped.done(), (first.steps, epoch.steps)
