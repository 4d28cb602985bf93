"""Stepping inside the samples of an unmodified script: what is recorded of it, and that it changes nothing."""

NET = """\
import torch

torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for index in range(4):
    x = torch.full((5, 2), index + 1.0)
    loss = net(x).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item().hex())
"""


async def test_a_script_is_stepped_inside_and_stays_the_same(workshop):
    script = workshop.write(NET)
    said = workshop.said(script)
    async with workshop.session(script) as stepped:
        await stepped.step(3, "op")
        reader = stepped.done().reader
        inside, graph = reader.inside(0), reader.inside_graph(0)
        assert (inside.step, inside.phase, inside.position, inside.module) == (0, "forward", 3, "net.2")
        assert graph[inside.row].name == inside.op == "addmm"
        await stepped.step(1, "phase")
        assert (reader.inside(0).phase, reader.inside(0).op) == ("backward", "MeanBackward0")
        await stepped.step(1, "phase")
        assert reader.inside(0).op == "before SGD.step"
        await stepped.step(1)
        assert (stepped.status.state, stepped.status.steps, reader.inside(0)) == ("paused", 1, None)
        for count, granularity in ((9, "op"), (2, "phase"), (30, "op")):
            await stepped.step(count, granularity)
        await stepped.step(1, "run")
        assert stepped.status.state == "finished"
        assert stepped.done().stdout.split() == said.split()


async def test_quitting_inside_a_backward_pass_leaves_nothing(workshop):
    async with workshop.session(workshop.write(NET)) as stepped:
        await stepped.step(7, "op")
        assert stepped.done().reader.inside(0).phase == "backward"
