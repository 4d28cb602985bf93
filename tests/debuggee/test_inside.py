"""Steps inside a sample: op by op, node by node, phase by phase, as the debuggee says them."""

from base64 import b64decode

import pytest

from bptui.protocol import InsideSeen, Quit, Step, Stopped, unpack_graph
from tests.debuggee.driver import write_loop

NET = """
    def loop():
        torch.manual_seed(1)
        net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.Tanh()), torch.nn.Linear(3, 1))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        for index in range(4):
            x = torch.full((5, 2), index + 1.0)
            loss = net(x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield Sample(0, index, loss, weight=net[0].weight)
"""


def stops(debuggee, count, granularity="op"):
    """Where so many steps stop: (phase, position, op), or the number of samples at the end of one."""
    found = []
    for _ in range(count):
        seen = len(debuggee.of(InsideSeen))
        stopped = debuggee.step(granularity)
        inside = debuggee.of(InsideSeen)[seen:]
        found += [(each.stop.phase, each.stop.position, each.stop.op) for each in inside] or [stopped.steps]
    return found


def newest(debuggee):
    """The last stop, and its graph."""
    seen = debuggee.of(InsideSeen)[-1]
    return seen.stop, unpack_graph(b64decode(seen.nodes))


def parts(stop):
    """(role, name, value) of each."""
    return [(each.role, each.name, each.summary.item if each.summary else each.text) for each in stop.parts]


@pytest.fixture
def lesson(keeper):
    debuggee = keeper.fork("linear")
    debuggee.until(Stopped)
    yield debuggee
    debuggee.close()


@pytest.fixture
def net(keeper, tmp_path):
    debuggee = keeper.fork(write_loop(tmp_path / "net.py", NET))
    debuggee.until(Stopped)
    yield debuggee
    debuggee.close()


def test_the_lesson_is_stepped_op_by_op_and_node_by_node(lesson):
    assert stops(lesson, 3) == [("forward", 1, "mul"), ("forward", 2, "sub"), ("forward", 3, "pow")]
    print(newest(lesson), parts(newest(lesson)[0]))
    print(stops(lesson, 4))
    print(newest(lesson), parts(newest(lesson)[0]))
    print(stops(lesson, 8))
    assert 0
def test_net(net):
    for k in range(22):
        print(stops(net, 1), newest(net)[0].module, newest(net)[0].place, parts(newest(net)[0]))
    assert 0
