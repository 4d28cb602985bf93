"""A recorded sample is executed again beside the training, for its graph, and nobody notices."""

from bptui.breakpoints import parse_breakpoint
from bptui.protocol import Breakpoints, Step, Zoom

SCRIPT = """\
import pathlib
here = pathlib.Path(__file__).parent
log = open(here / "log", "a")  # before the first copy: one that looks would not open it again
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Dropout(0.5), torch.nn.Linear(3, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for index in range(300):
    loss = net(torch.ones(3, 2)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(index, loss.item(), flush=True)
    print(index, file=log, flush=True)
    if index == 250:
        with open(here / "other", "a") as other:
            print(index, file=other)
"""


def looked(client):
    """Wait until nobody looks any more; what is said then."""
    return client.wait(lambda status: not status.zoom.startswith("executing")).zoom


def test_a_sample_at_full_speed_gets_its_graph(build):
    house = build(SCRIPT, reverse=True, script=True)
    client = house.client()
    client.wait(state="paused")
    client.send(Breakpoints((parse_breakpoint("step == 200", 1),)))
    client.send(Step("run"))
    client.wait(state="paused", steps=200)
    assert looked(client) == ""
    reader = house.reader()
    assert [node.grad is not None for node in reader.graph(0, 199)].count(True) >= 5
    assert reader.graph(0, 77) is None
    assert [step for step, _, _ in reader.measured(0, 199, 200, 1)] == [199]
    client.send(Zoom(77))
    client.wait(lambda status: status.zoom)
    assert looked(client) == ""
    graph = reader.graph(0, 77)
    assert graph[-1].value.item == reader.sample(0, 77).quantities["loss"].item
    log = house.folder / "log"
    assert log.read_text().split() == [*map(str, range(200))]
    client.send(Step("run"))
    client.wait(state="finished")
    assert client.status.differs == ""
    assert log.read_text().split() == [*map(str, range(300))]
    client.send(Zoom(250))
    client.wait(lambda status: status.zoom)
    assert looked(client).startswith("sample 251 can not be executed again: it would write ")
    assert (house.folder / "other").read_text() == "250\n"
    printed = [text.split()[0] for _, _, text in house.printed()]
    assert printed == [*map(str, range(300))]
    reader.close()
