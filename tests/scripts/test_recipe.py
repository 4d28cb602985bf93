"""Karpathy's checks of an unmodified script: at stops after and inside samples, the training stays the same."""

from bptui.app.screens.checks import NAMES
from bptui.protocol import Check

LEAK = """\
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
first, norm, last = nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Linear(16, 3)
model = nn.ModuleList([first, norm, last])
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for index in range(5):
    x, y = torch.randn(8, 6), torch.randint(3, (8,))
    hidden = F.dropout(torch.relu(norm(first(x))), 0.2).view(16, 8).t()
    loss = F.cross_entropy(last(hidden), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item().hex())
for value in model.state_dict().values():
    print(value.sum().item())
"""


async def checked(stepped, step):
    reader = stepped.done().reader
    before = {told.serial for told in reader.checks(0, step)}
    await stepped.session.obey(Check(step, NAMES))
    await stepped.until(lambda: len({each.serial for each in reader.checks(0, step)} - before) == len(NAMES))
    return {told.name: told for told in reader.checks(0, step)}


async def test_a_leak_is_named_and_training_stays_the_same(workshop):
    script = workshop.write(LEAK)
    said = workshop.said(script)
    async with workshop.session(script) as stepped:
        await stepped.step()
        told = await checked(stepped, 0)
        assert told["batch leak"].is_good is False and told["initial loss"].is_good is True
        assert told["overfit"].found and told["zero input"].found
        await stepped.step(1, "op")
        told = await checked(stepped, 1)
        assert all("no loss yet" in each.text for each in told.values())
        for _ in range(2):  # in the backward pass, then in the update
            await stepped.step(1, "phase")
            told = await checked(stepped, 1)
            assert not any("Not checked" in each.text for each in told.values()), told
        assert told["batch leak"].is_good is False, told
        assert told["initial loss"].is_good is True and "of the first sample" in told["initial loss"].found
        await stepped.step()
        await checked(stepped, 1)
        await stepped.step(1, "run")
        assert stepped.done().stdout.split() == said.split()
        assert len(stepped.done().reader.checks(0, 0)) == len(NAMES)
