"""The trainers that people use: samples, epochs, updates, parameters are found, and nothing is changed."""

import importlib.util
from pathlib import Path
from typing import NamedTuple

import pytest

from bptui.protocol import Step, Travel

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


def losses(lines):
    return [line for line in lines if line.startswith("loss ")]


@pytest.fixture(scope="module")
def bare(shared_workshop):
    """What each says by itself; one process runs them all, since importing them is what takes time."""
    done = shared_workshop.bare("-c", ALL_BARE, *map(str, map(script, THERE)))
    assert done.code == 0, done.stderr
    parts = done.stdout.split("script ")[1:]
    return {name: losses(part.splitlines()) for name, part in zip(THERE, parts, strict=True)}


@pytest.mark.parametrize("name", TRAINERS)
def test_trainer(travel, request, name):
    """There and back again: after an epoch it returns to the first sample, and goes on to the end."""
    if name not in THERE:
        pytest.skip(f"{name} is not installed")
    right, app = TRAINERS[name], travel(str(script(name)))
    assert app.go(Step("sample")).steps == 1
    epoch = app.go(Step("epoch")).steps
    assert epoch == right.per_epoch + (not right.is_epoch_declared)
    assert app.go(Travel(1)).steps == 1
    status = app.go(Step("run"))
    assert (status.state, status.exit_code, status.branch) == ("finished", 0, 0)
    assert (status.differs, status.no_return) == ("", "")
    with app.reader() as reader:
        samples = reader.samples(0, 0, reader.steps(0))
        assert [(each.epoch, each.index) for each in samples] == [
            (epoch, index) for epoch in range(2) for index in range(right.per_epoch)
        ]
        facts = reader.facts()
        assert "trouble" not in facts
        assert [facts.get(key) for key in FOUND] == [getattr(right, key) for key in FOUND]
        parameters = [right.weight, right.weight.replace("weight", "bias")]
        assert [parameter.name for parameter in reader.parameters(0, 0)] == parameters
        assert all(stats.update > 0 and stats.grad for stats in reader.parameter_stats(0, right.per_epoch - 1))
        names = [node.name for node in reader.graph(0, 0) if node.kind == "parameter"]
        assert sorted(names) == sorted(parameters)
    assert losses(app.printed()) == request.getfixturevalue("bare")[name]
