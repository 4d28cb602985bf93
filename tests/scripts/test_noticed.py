"""What is wrong with a script, and is named by a rule."""

import asyncio

from bptui.diagnostics import Diagnosis, read_limits

FAULTY = """
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.used, self.unused = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)
            self.frozen.requires_grad_(False)

        def forward(self, x):
            return self.used(self.frozen(x)).tanh()

    torch.manual_seed(0)
    model = Model()
    opt = torch.optim.SGD(model.parameters(), 0.01)
    for step in range(12):
        loss = (model(torch.ones(2, 3)) - 1).square().mean()
        if step < 4:
            opt.zero_grad()
        loss.backward()
        opt.step()
        if step >= 8:
            opt.step()
    loss.detach().backward()
"""


def test_each_fault_is_named_from_its_sample_on(workshop):
    async def stepped():
        async with workshop.session(workshop.write(FAULTY)) as session:
            while session.status.state == "paused":
                await session.step(3)
            return session.done()

    done = asyncio.run(stepped())
    assert done.code == 1 and "does not require grad" in done.branch.detail
    diagnosis = Diagnosis(done.reader, 0, read_limits())
    diagnosis.follow(done.reader.steps(0))
    found = {(each.rule, each.subject): (each.since, each.until) for each in diagnosis.findings}
    assert found == {
        ("frozen-parameter", "model.frozen"): (0, None),
        ("parameter-without-gradient", "model.unused"): (2, None),
        ("gradient-not-zeroed", "model.used"): (5, None),  # at 4 it is seen to be there, at 5 to have been used
        ("update-without-backward", "SGD"): (8, None),
        ("loss-detached", "loss"): (12, None),
    }
