"""The trainers that people use: samples, epochs, updates, parameters are found, and nothing is changed."""

import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from bptui.protocol import Step, Travel

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
EPOCHS = 6

ALL_BARE = """
import runpy, sys
for path in sys.argv[1:]:
    print("script", path)
    runpy.run_path(path, run_name="__main__")
"""


class Trained(NamedTuple):
    """What is to be found in a training of six epochs."""

    per_epoch: int
    sample: str
    epoch: str
    update: str
    weight: str
    loss: str | None = None
    is_epoch_declared: bool = True
    workers: str | None = None


FOUND = ("sample", "epoch", "update", "loss", "workers")

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
        workers="0, not 2: going back needs all of it in one process",
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


def numbers(text):
    """Each loss and, at the end, each weight, as hex; on a terminal there are progress bars around them."""
    return re.findall(r"(?:loss|weight)(?: -?0x[0-9a-fp.+-]+)+", text)


@pytest.fixture(scope="module")
def bare(shared_workshop):
    """What each says by itself; one process runs them all, since importing them is what takes time."""
    done = shared_workshop.bare("-c", ALL_BARE, *map(str, map(script, THERE)))
    assert done.code == 0, done.stderr
    parts = done.stdout.split("script ")[1:]
    return {name: numbers(part) for name, part in zip(THERE, parts, strict=True)}


@pytest.mark.parametrize("name", TRAINERS)
def test_trainer(travel, request, name):
    """There and back again: ten of fifteen samples, then all but the first, and on to the end."""
    if name not in THERE:
        pytest.skip(f"{name} is not installed")
    right, app = TRAINERS[name], travel(str(script(name)))
    assert app.go(Step("sample")).steps == 1
    epoch = app.go(Step("epoch")).steps
    assert epoch == right.per_epoch + (not right.is_epoch_declared)
    for command, steps in (
        (Step("sample", 15 - epoch), 15),
        (Travel(5), 5),
        (Step("sample", 10), 15),
        (Travel(1), 1),
    ):
        status = app.go(command)
        assert (status.steps, status.differs, status.no_return) == (steps, "", "")
    status = app.go(Step("run"))
    assert (status.state, status.exit_code, status.branch) == ("finished", 0, 0)
    assert (status.differs, status.no_return) == ("", "")
    with app.reader() as reader:
        samples = reader.samples(0, 0, reader.steps(0))
        assert [(each.epoch, each.index) for each in samples] == [
            (epoch, index) for epoch in range(EPOCHS) for index in range(right.per_epoch)
        ]
        facts = reader.facts()
        assert "trouble" not in facts
        assert facts["intra-op"] == "1 thread of torch: a copy would lack others (--threads)"
        assert [facts.get(key) for key in FOUND] == [getattr(right, key) for key in FOUND]
        parameters = [right.weight, right.weight.replace("weight", "bias")]
        assert [parameter.name for parameter in reader.parameters(0, 0)] == parameters
        assert all(stats.update > 0 and stats.grad for stats in reader.parameter_stats(0, right.per_epoch - 1))
        names = [node.name for node in reader.graph(0, 0) if node.kind == "parameter"]
        assert sorted(names) == sorted(parameters)
    said = numbers("\n".join(app.printed()))
    assert [line.split()[0] for line in said[-2:]] == ["weight", "weight"]
    assert said == request.getfixturevalue("bare")[name]
