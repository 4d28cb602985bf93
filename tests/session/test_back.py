"""Back in time: wherever the training was, it goes on as if it had never been elsewhere, and nobody is left."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import integers, sampled_from

from bptui.breakpoints import parse_breakpoint
from bptui.protocol import Back, Breakpoints, Step, Travel, Typed

from .conftest import PRELUDE, House

LOOP = """
import hashlib, pathlib, torch, torch._dynamo
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

def loop():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    log = open(pathlib.Path(__file__).with_name("log"), "w", buffering=1)
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 1))
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    loader = DataLoader(TensorDataset(torch.randn(24, 2), torch.randn(24, 1)), 4, shuffle=True)
    for epoch in range(10):
        for index, (x, y) in enumerate(loader):
            guess = net(x)
            loss = (guess - y).square().mean()  # the loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            weights = b"".join(param.detach().numpy().tobytes() for param in net.parameters())
            print(loss.item().hex(), hashlib.sha256(weights).hexdigest(), file=log)
            yield Sample(epoch, index, loss, samples=6, epochs=10)
"""

LINE = 1 + PRELUDE.count("\n") + LOOP[: LOOP.index("# the loss")].count("\n")

SAMPLES = 60


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """What the loop writes when nobody follows it: loss and hash of all parameters after each sample."""
    folder = tmp_path_factory.mktemp("straight")
    (folder / "loop.py").write_text("from bptui import Sample\n" + LOOP)
    command = (sys.executable, "-c", "import loop; list(loop.loop())")
    subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, check=True)
    return (folder / "log").read_text().splitlines()


@pytest.fixture(scope="module")
def traveller(tmp_path_factory):
    """One session on the loop for the tests of where it goes; it may stand anywhere."""
    folder = tmp_path_factory.mktemp("back")
    (folder / "loop.py").write_text(PRELUDE + LOOP)
    house = House(folder, reverse=True)
    client = house.client()
    client.wait(state="paused")
    client.house, client.reader = house, house.reader()
    yield client
    client.reader.close()
    house.process.kill()
    house.process.wait()
    house.assert_empty()  # nobody outlives the session, none of the copies either
    house.quit()
    assert house.errors.read_text() == ""


def losses(client, count):
    return [each.quantities["loss"].item.hex() for each in client.reader.samples(0, 0, count)]


def test_op_by_op_back_is_forward_in_reverse(traveller):
    """Through update, backward and forward: each stop shows what it showed, bit for bit."""
    traveller.go(Travel(5))
    seen = [traveller.reader.inside(0)]
    while traveller.go(Step("op")).steps == 5:
        seen.append(traveller.reader.inside(0))
    assert {stop.phase for stop in seen[1:]} == {"forward", "backward", "update"}
    for stop in reversed(seen):
        status = traveller.go(Back("op"))
        assert (status.steps, status.recorded, status.differs) == (5, 6, "")
        assert traveller.reader.inside(0) == stop
    traveller.go(Travel(6))
    phases = []
    while (status := traveller.go(Back("phase"))).steps == 5 and (stop := traveller.reader.inside(0)):
        phases.append((stop.phase, stop.position))
    assert phases == [("update", 1), ("backward", 1), ("forward", 1)]


def test_back_to_hits(traveller):
    """Of samples, ops and lines: each stop of the way forward again, in reverse."""
    texts = ("sample 3", "op AddmmBackward0", f"loop.py:{LINE} if sample == 4")
    places, at = [], lambda: (traveller.status.steps, traveller.status.hit, traveller.reader.inside(0))
    traveller.go(Travel(7))
    traveller.send(Breakpoints(tuple(parse_breakpoint(text, i) for i, text in enumerate(texts, 1))))
    while traveller.go(Step("run")).steps < 12:
        places.append(at())
    assert {hit for _, hit, _ in places} == {(1,), (2,), (3,)}
    for place in reversed(places):
        traveller.go(Back("hit"))
        assert at() == place
    traveller.send(Breakpoints(()))
    traveller.wait(breakpoints=())


def test_before_the_first_sample_there_is_nothing(traveller):
    for command in (Travel(0), Step("op"), Back("op")):
        traveller.go(command)
    assert traveller.status.steps == 0
    for command in (Back("op"), Back("phase"), Back("hit")):
        traveller.send(command)
        traveller.wait(detail="this is before the first sample", state="paused", steps=0)
    assert traveller.go(Step("sample")).steps == 1


def stands(client):
    """(samples, whether amid the next one) at the stop at hand."""
    return client.status.steps, client.reader.inside(0) is not None


class Moves(RuleBasedStateMachine):
    """Random moves, each from wherever it is; after each, all is as in the straight run."""

    def __init__(self, client, straight) -> None:
        super().__init__()
        self.client, self.straight = client, straight
        client.go(Travel(0))

    @rule(count=integers(1, 9))
    def forward(self, count):
        at, _ = stands(self.client)
        count = min(count, SAMPLES - 1 - at)
        assert not count or self.client.go(Step("sample", count)).steps == at + count

    @rule(count=integers(1, 9))
    def back(self, count):
        at, is_amid = stands(self.client)
        assert self.client.go(Back("sample", count)).steps == max(0, at + is_amid - count)

    @rule(to=integers(0, SAMPLES - 1))
    def anywhere(self, to):
        assert self.client.go(Travel(to)).steps == to

    @precondition(lambda self: self.client.status.steps < SAMPLES - 4)
    @rule(granularity=sampled_from(("op", "phase")), count=integers(1, 9))
    def inside(self, granularity, count):
        self.client.go(Step(granularity, count))

    @precondition(lambda self: any(stands(self.client)))
    @rule(granularity=sampled_from(("op", "phase")))
    def inside_back(self, granularity):
        self.client.go(Back(granularity))

    @invariant()
    def is_as_it_was(self):
        client, straight = self.client, self.straight
        (steps, is_amid), status = stands(client), client.status
        assert (status.branch, status.differs, status.no_return) == (0, "", "")
        assert losses(client, status.recorded) == [line.split()[0] for line in straight[: status.recorded]]
        written = (client.house.folder / "log").read_text().splitlines() if steps else []
        # Amid a sample its own line may be there already; at the first it may not be open yet.
        assert written in [straight[: steps + i] for i in range(1 + is_amid)]


def test_random_moves_end_where_a_straight_run_ends(traveller, straight):
    """500 of them."""
    how = settings(max_examples=5, stateful_step_count=100, deadline=None, derandomize=True, database=None)
    run_state_machine_as_test(lambda: Moves(traveller, straight), settings=how)
    status = traveller.go(Step("run"))
    assert (status.state, status.steps, status.branch, status.differs) == ("finished", SAMPLES, 0, "")
    assert (traveller.house.folder / "log").read_text().splitlines() == straight
    assert losses(traveller, SAMPLES) == [line.split()[0] for line in straight]


SCRIPT = """
import os, pathlib, torch
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

torch.manual_seed(0)
weight = torch.zeros(1, requires_grad=True)
loader = DataLoader(TensorDataset(torch.randn(80)), shuffle=True, num_workers=2)
for index, (x,) in enumerate(tqdm(loader)):
    loss = (torch.dropout(weight, 0.5, True) - x).square().sum()
    loss.backward()
    with torch.no_grad():
        weight -= 0.1 * weight.grad
    weight.grad = None
    if index == 70:
        print("hello", input("who? "))
    pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))
"""


def test_a_script_that_asks_is_interrupted_and_killed(build):
    """Whatever has ended it, one goes back, and it goes on; a bar, workers, and a question do no harm."""
    house = build(SCRIPT, reverse=True, script=True)
    client = house.client()
    client.wait(state="paused")
    assert client.go(Step("sample", 20)).no_return == ""
    assert client.go(Travel(12)).steps == 12
    assert client.go(Step("sample")).steps == 13
    psutil.Process(int((house.folder / "pid").read_text())).kill()  # the training; its copies wait on
    status = client.wait(state="failed")
    assert (status.exit_code, status.detail.partition(";")[0]) == (137, "killed by signal 9 (SIGKILL)")
    assert (status.steps, status.recorded) == (13, 20)
    assert client.go(Back("sample", 3)).steps == 10
    client.send(Step("run"))
    client.wait(waits_for_input=True)
    client.send(Typed("\x03"))
    status = client.wait(state="failed")
    assert "KeyboardInterrupt" in house.printed()[-1][2]
    assert client.go(Back("sample", 10)).steps == status.steps - 10
    client.send(Step("run"))
    client.wait(waits_for_input=True)
    client.send(Typed("me\n"))
    status = client.wait(state="finished")
    assert (status.steps, status.differs, status.branch) == (80, "", 0)
    with contextlib.closing(house.reader()) as reader:
        assert reader.facts()["workers"].startswith("0, not 2")
