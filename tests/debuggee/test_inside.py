"""Steps inside a sample: op by op, node by node, phase by phase, as the debuggee says them."""

from base64 import b64decode

import pytest

from bptui.protocol import InsideSeen, Stopped, unpack_graph
from tests.debuggee.driver import write_loop

NET = """
    def loop():
        torch.manual_seed(1)
        net = torch.nn.Sequential(
            torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.Tanh(), torch.nn.Linear(3, 1))
        )
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        for index in range(4):
            x = torch.full((5, 2), index + 1.0)
            loss = net(x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield Sample(0, index, loss, weight=net[0].weight)
"""

BROKEN = """
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            raise ValueError("no derivative")

    def loop():
        w = torch.ones(2, requires_grad=True)
        Wrong.apply(w * 3).sum().backward()
        yield Sample(0, 0, w)
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
def begin(keeper, tmp_path):
    """Starts a target, or a source with a function `loop`."""
    started = []

    def start(source):
        target = source if source == "linear" else write_loop(tmp_path / "inside.py", source)
        started.append(keeper.fork(target))
        started[-1].until(Stopped)
        return started[-1]

    yield start
    for debuggee in started:
        debuggee.close()


def test_the_lesson_is_stepped_op_by_op_and_node_by_node(begin):
    lesson = begin("linear")
    assert stops(lesson, 3) == [("forward", 1, "mul"), ("forward", 2, "sub"), ("forward", 3, "pow")]
    stop, graph = newest(lesson)
    assert parts(stop) == [("input", "sub", -2.0), ("input", "", "2"), ("output", "", 4.0)]
    assert [node.name for node in graph] == ["weight", "training_x", "mul", "training_y", "sub", "pow"]
    assert (stop.row, stop.place.line, graph[stop.row].grad) == (5, 30, None)
    assert stops(lesson, 2) == [("backward", 1, "PowBackward0"), ("backward", 2, "SubBackward0")]
    stop, graph = newest(lesson)
    assert parts(stop) == [("gradient in", "output", -4.0), ("gradient out", "mul", -4.0), ("waits", "weight", "")]
    assert [frame.function for frame in stop.made_by] == ["BackPropagationModel.loss_function", "linear"]
    assert [frame.place.line for frame in stop.made_by][:1] == [30]
    assert [node.grad is not None for node in graph] == [False, False, False, False, True, True]
    assert stops(lesson, 2) == [("backward", 3, "MulBackward0"), ("backward", 4, "AccumulateGrad")]
    assert {("gradient", "weight.grad", -4.0), ("has gradient", "weight", -4.0)} <= {*parts(newest(lesson)[0])}
    assert stops(lesson, 4)[1:] == [("update", 1, "mul"), ("update", 2, "sub_"), ("update", 3, "zero_")]
    assert stops(lesson, 2) == [1, ("forward", 1, "mul")]


def test_phases_modules_rows_and_counts(begin):
    net = begin(NET)
    assert stops(net, 3, "phase") == [
        ("forward", 1, "addmm"), ("backward", 1, "MeanBackward0"), ("update", 1, "before Adam.step"),
    ]  # fmt: skip
    assert stops(net, 1) == [("update", 2, "after Adam.step")]
    roles = {(role, name) for role, name, _ in parts(newest(net)[0])}
    assert {("before", "net.1.1.bias"), ("after", "net.1.1.bias"), ("state", "net.1.1.bias exp_avg")} <= roles
    assert stops(net, 1, "phase") == [1]
    assert stops(net, 2) == [("forward", 1, "addmm"), ("forward", 2, "tanh")]
    assert newest(net)[0].module == "net.1.0"
    assert stops(net, 2, "module") == [("forward", 3, "addmm"), ("forward", 4, "pow")]
    row = next(i for i, node in enumerate(newest(net)[1]) if node.name == "net.0.bias")
    net.step("row", row + 1)
    arrival = [(role, name) for role, name, _ in parts(newest(net)[0]) if role in ("has gradient", "waits")]
    last = ("has gradient", "net.1.1.weight"), ("has gradient", "net.1.1.bias")
    assert {("has gradient", "net.0.bias"), ("waits", "net.0.weight"), *last} == {*arrival}
    assert (newest(net)[0].op, newest(net)[0].row) == ("AccumulateGrad", row)
    assert net.step("sample").steps == 2
    assert net.step("op", 20).steps == 3


@pytest.mark.parametrize("source", ["linear", NET], ids=["lesson", "net"])
def test_stepping_inside_changes_no_bit(begin, source):
    bare, stepped = begin(source), begin(source)
    bare.step("sample", 4)
    for granularity, count in (("op", 5), ("phase", 2), ("op", 9), ("sample", 1), ("op", 7)):
        stepped.step(granularity, count)
    while stepped.of(Stopped)[-1].steps < 4:
        stepped.step("op")
    assert repr(stepped.rows) == repr(bare.rows[: len(stepped.rows)])
    assert len(stepped.rows) == 4


def test_it_stops_at_the_op_that_raises(begin):
    debuggee = begin(NET.replace("(5, 2)", "(5, 3)"))
    debuggee.step("phase")
    stop, _ = newest(debuggee)
    assert (stop.phase, stop.op) == ("forward", "linear")
    assert "cannot be multiplied" in stop.error
    assert [part.summary.shape for part in stop.parts] == [(5, 3), (3, 2), (3,)]
    assert debuggee.run().code == 1


def test_it_stops_at_the_node_that_raises(begin):
    debuggee = begin(BROKEN)
    assert stops(debuggee, 2) == [("forward", 1, "mul"), ("forward", 2, "wrong")]
    stop, graph = newest(debuggee)
    assert parts(stop) == [("input", "mul", None), ("output", "", None)]
    assert stop.place == graph[stop.row].place
    assert "Wrong.apply(" in debuggee.loaded.source.splitlines()[stop.place.line - 1]
    assert stops(debuggee, 3)[-2:] == [("backward", 1, "SumBackward0"), ("backward", 2, "WrongBackward")]
    stop, _ = newest(debuggee)
    assert stop.error.startswith("ValueError: no derivative")
    assert "no derivative" in debuggee.run().line


@pytest.mark.parametrize("steps", [2, 5], ids=["forward", "backward"])
def test_quitting_inside_ends_the_process(begin, steps):
    debuggee = begin("linear")
    stops(debuggee, steps)
    assert debuggee.quit().line == "quit"
    assert debuggee.code() == 0
