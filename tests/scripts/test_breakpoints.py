"""The training stops where it was asked to, and tells why."""

import pytest

from bptui.breakpoints import parse_breakpoint
from bptui.protocol import Breakpoints, Step

NET = """\
import torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
spare = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD([*model.parameters(), *spare.parameters()], lr=0.1)
data = torch.randn(64, 4)
target = data.sum(1, keepdim=True)

def loss_of(rows):
    guess = model(data[rows])
    return ((guess - target[rows]) ** 2).mean()

for epoch in range(3):
    for i in range(8):
        loss = loss_of(slice(8 * i, 8 * i + 8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch == 1 and i == 3:
            with torch.no_grad():
                model[0].weight[0, 0] = float("nan")
"""


def breakpoints(*texts, **how):
    return Breakpoints(tuple(parse_breakpoint(text, number, **how) for number, text in enumerate(texts, 1)))


async def run(stepped, command=None):
    if command is not None:
        await stepped.session.obey(command)
    await stepped.step(granularity="run")
    return stepped.status


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("sample 5", 5),
        ("epoch 1", 9),
        ("loss < 0.5", None),
        ("nan", 12),
        ("isnan(loss)", 13),
        ('isnan(param("0.weight"))', 12),
        ('norm(grad("2.bias")) > 0.001', 1),
        ("nograd", 1),
        ('update("spare.weight").norm == 0', None),
        ("step == 7 and lr == 0.1", 7),
    ],
)
async def test_conditions_after_samples(workshop, text, steps):
    async with workshop.session(workshop.write(NET)) as stepped:
        status = await run(stepped, breakpoints(text))
        assert status.state == "paused", status
        assert status.hit == (1,)
        assert status.detail == f"breakpoint 1: {text}"
        if steps:
            assert status.steps == steps
        assert status.hits[0].count == 1


async def test_conditions_at_ops(workshop):
    async with workshop.session(workshop.write(NET)) as stepped:
        print(await run(stepped, breakpoints("op relu")))
        print(await run(stepped))
        print(await run(stepped, breakpoints("module model.0")))
        print(await run(stepped, breakpoints("backward if step == 5")))
        print(await run(stepped, breakpoints("param 2.weight")))
        print(await run(stepped, breakpoints("isnan(value)")))
        print(await run(stepped, breakpoints("train.py:12")))
        print(await run(stepped))
        print(await run(stepped, breakpoints("train.py:21")))
        print(await run(stepped, breakpoints()))
        assert 0
