"""Stepping from node to node: in the autograd engine's own order, and without a trace in the training."""

import contextlib
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bptui.debuggee.graph import Tracer
from bptui.debuggee.inside import Inside
from bptui.debuggee.nodes import nodes_under
from bptui.protocol import Ended, Step, Stopped
from tests.debuggee.driver import write_loop

UNARY = (torch.sin, torch.exp, torch.relu, torch.neg, lambda x: x.reshape(1, -1), lambda x: x * 2)
BINARY = (torch.add, torch.mul, torch.sub, lambda a, b: torch.cat((a.reshape(-1), b.reshape(-1)))[:2])

OPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(UNARY), st.integers(0, 99)),
        st.tuples(st.sampled_from(BINARY), st.integers(0, 99), st.integers(0, 99)),
    ),
    min_size=1,
    max_size=12,
)
"""An op, and which of the tensors so far it takes."""


@dataclass
class EveryOp:
    """A stepper that stops at every op and node, and goes on."""

    inside: Step | None = field(default_factory=lambda: Step("op"))
    may_end_inside = is_followed = True
    conditions = SimpleNamespace(at_ops=False)
    steps = 0
    sought = None
    shown = ()
    at: list = field(default_factory=list)
    follows: Inside | None = None
    inspector: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(live=SimpleNamespace()))

    def arrive(self):
        return True

    def is_pausing(self):
        return False

    def meet(self, phase):
        """On no way."""

    def wait(self, reason="", is_amid=False, inside=None, study=None, hit=(), arrival=0):
        assert inside is not None, reason
        node_of = {row: node for node, row in self.follows._rows.items()}
        if inside.stop.phase == "backward":
            self.at.append(node_of[inside.stop.row])


@settings(deadline=None, max_examples=15)
@given(ops=OPS, backwards=st.integers(1, 2))
def test_nodes_come_in_the_engines_own_order(ops, backwards):
    tensors = [torch.tensor([[1.0, 2.0]], requires_grad=True), torch.tensor([[3.0, 4.0]], requires_grad=True)]
    stepper, order = EveryOp(), []
    stepper.follows = Inside(stepper)
    with Tracer(inside=stepper.follows):
        for op, *arguments in ops:
            with contextlib.suppress(RuntimeError):  # shapes that do not go together
                tensors.append(op(*(tensors[i % len(tensors)] for i in arguments)))
        loss = sum(tensor.sum() for tensor in tensors[-3:])
        for node in nodes_under([loss]):
            node.register_prehook(lambda _, node=node: order.append(node))
        for _ in range(backwards):
            loss.backward(retain_graph=True)
    assert stepper.at == order


TWO_LAYERS = """
    def loop():
        torch.manual_seed(1)
        net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Dropout(), torch.nn.Linear(3, 1))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for index in range(6):
            loss = net(torch.randn(5, 2)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield Sample(0, index, loss, weight=net[0].weight)
"""

MOVES = st.lists(
    st.tuples(st.sampled_from(["op", "phase", "module", "sample", "row"]), st.integers(1, 9)),
    min_size=1,
    max_size=9,
)


@pytest.fixture(scope="module")
def undisturbed(keeper, tmp_path_factory):
    """The target, and the rows of its run."""
    target = write_loop(tmp_path_factory.mktemp("order") / "dropout.py", TWO_LAYERS)
    return target, _run(keeper, target, [])


def _run(keeper, target, moves):
    debuggee = keeper.fork(target)
    try:
        debuggee.until(Stopped)
        for granularity, count in [*moves, ("run", 1)]:
            debuggee.send(Step(granularity, count))
            if isinstance(debuggee.until(Stopped, Ended), Ended):
                break
        return repr(debuggee.rows)
    finally:
        debuggee.close()


@settings(deadline=None, max_examples=6, derandomize=True, phases=[Phase.generate])
@given(moves=MOVES)
def test_random_steps_change_no_bit(keeper, undisturbed, moves):
    target, rows = undisturbed
    assert _run(keeper, target, moves) == rows
