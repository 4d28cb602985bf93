"""A wrong backward in an unmodified script: found by finite differences, named, and kept in the recording."""

from bptui.protocol import Ask

CUBE = """\
import torch

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        print("forward")
        ctx.save_for_backward(a)
        return a**3

    @staticmethod
    def backward(ctx, grad):
        (a,) = ctx.saved_tensors
        return grad * 2 * a

cube = Cube.apply
torch.manual_seed(1)
net = torch.nn.Linear(2, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for index in range(4):
    loss = torch.nn.functional.dropout(cube(net(torch.randn(5, 2)))).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item().hex())
"""


async def checked(stepped, step, row):
    await stepped.session.obey(Ask(step, row, "check"))
    reader = stepped.done().reader
    await stepped.until(lambda: row in dict(reader.explanations(0, step).checks))
    return dict(reader.explanations(0, step).checks)[row]


async def test_a_wrong_function_is_named_and_training_stays_the_same(workshop):
    script = workshop.write(CUBE)
    said = workshop.said(script)
    async with workshop.session(script) as stepped:
        await stepped.step()
        reader = stepped.done().reader
        graph = reader.graph(0, 0)
        row = next(at for at in range(len(graph)) if graph[at].name == "cube")
        told = await checked(stepped, 0, row)
        assert told.reading.endswith(": wrong") and told.function == "Cube"
        assert (told.place.path, told.place.line) == (script, 10)
        assert "good" in (await checked(stepped, 0, row + 1)).reading
        await stepped.step(2, "phase")
        await stepped.step(3, "op")
        inside, graph = reader.inside(0), reader.inside_graph(0)
        assert inside.phase == "backward" and inside.row == next(
            at for at in range(len(graph)) if graph[at].name == "cube"
        )
        assert (await checked(stepped, 1, inside.row)).reading.endswith(": wrong")
        await stepped.step()
        assert inside.row in dict(reader.explanations(0, 1).checks)  # it is not lost when the sample is complete
        await stepped.step(1, "run")
        assert stepped.done().stdout.split() == said.split()
