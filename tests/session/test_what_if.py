"""Something is changed, now or in the past, and the training goes on from there: each time a branch of its own."""

import pytest

from bptui.protocol import Assign, Back, Pause, Race, Step, Travel


class Driver:
    """Stands where it is told to, and knows the losses of all branches, bit for bit."""

    def __init__(self, house) -> None:
        self.client = house.client()
        self.client.wait(state="paused")
        self.reader = house.reader()

    def do(self, command):
        was = self.client.status.branch, self.client.status.stop
        self.client.send(command)
        self.client.wait(lambda status: (status.branch, status.stop) != was, state="paused")
        return self.place

    def set(self, target, value):
        """Set something; after how many samples of which branch that was."""
        branch = self.client.status.branch
        self.client.send(Assign(1, target, value))
        self.client.wait(lambda status: status.branch != branch and status.checkpoints)
        return self.place

    @property
    def place(self):
        return self.client.status.branch, self.client.status.steps

    def losses(self, branch):
        samples = self.reader.samples(branch, 0, self.reader.steps(branch))
        return [each.quantities["loss"].item.hex() for each in samples]

    def weights(self, branch, name="weight"):
        samples = self.reader.samples(branch, 0, self.reader.steps(branch))
        return [each.quantities[name].item for each in samples]

    @property
    def branches(self):
        return [(each.parent, each.forked, each.reason, each.steps) for each in self.reader.branches()]


@pytest.fixture
def driver(build):
    driver = Driver(build(target="linear", reverse=True))
    yield driver
    driver.reader.close()
    assert driver.client.status.differs == ""


def test_each_change_begins_a_branch(driver):
    driver.do(Step("sample", 6))
    first = driver.losses(0)
    driver.do(Travel(3))
    assert driver.set("lr", "0.001") == (1, 3)
    assert driver.do(Step("sample", 4)) == (1, 7)
    assert driver.branches == [(None, 0, "start", 6), (0, 3, "lr = 0.001", 7)]
    slow = driver.losses(1)
    assert (slow[:4], driver.losses(0)) == (first[:4], first)
    assert slow[4] != first[4]
    assert driver.do(Travel(5)) == (1, 5)  # within the branch, from the copy right after the change
    assert driver.do(Travel(2)) == (0, 2)  # before it one stands on the parent
    assert driver.do(Step("sample", 5)) == (0, 7)
    assert driver.losses(0)[:6] == first
    assert driver.set("weight.data[0]", "2") == (2, 7)
    assert driver.do(Step("sample", 2)) == (2, 9)
    assert driver.weights(2)[7] == 2.0
    assert driver.do(Travel(7, branch=1)) == (1, 7)
    assert driver.do(Step("sample", 1)) == (1, 8)
    assert driver.losses(1)[:7] == slow
    assert driver.do(Travel(2, branch=2)) == (0, 2)  # of which branch 2 is a part


def test_updates_and_samples_are_skipped(driver):
    driver.do(Step("sample", 5))
    first, before = driver.losses(0), driver.weights(0)
    assert driver.do(Travel(5, skip="update")) == (1, 5)
    assert driver.client.status.detail == "update of sample 5 was skipped"
    assert driver.do(Step("sample", 1)) == (1, 6)
    assert driver.weights(1) == [*before, before[4]]
    driver.do(Travel(5))
    driver.do(Step("phase", 2))
    assert driver.do(Travel(6, skip="sample")) == (2, 6)
    assert driver.branches[2][:3] == (1, 6, "sample 6 = skipped")
    driver.do(Travel(5, branch=0))
    driver.do(Step("sample", 1))
    assert driver.losses(0)[:5] == first


def test_a_race(driver):
    driver.do(Step("sample", 4))
    assert driver.do(Race(("0.01", "0.002", "0.03"), 5)) == (0, 4)
    assert driver.branches[1:] == [(0, 4, f"lr = {rate}", 9) for rate in ("0.01", "0.002", "0.03")]
    losses = [driver.losses(branch) for branch in (1, 2, 3)]
    assert len({each[-1] for each in losses}) == 3
    driver.do(Step("sample", 5))
    assert driver.losses(0) == losses[0]
    assert driver.do(Travel(9, branch=3)) == (3, 9)
    assert driver.do(Step("sample", 1)) == (3, 10)
    assert driver.losses(3)[:9] == losses[2]
    assert len(driver.reader.edits(3)) == 1


def test_a_gradient_is_scaled_amid_a_sample(driver):
    driver.do(Step("sample", 2))
    before = driver.weights(0, "weight_after")[1]
    driver.do(Step("phase", 2))
    driver.do(Step("op", 3))
    assert driver.set("weight.grad.data", "weight.grad.data * 0.5") == (1, 2)
    assert driver.reader.inside(1) == driver.reader.inside(0)
    assert driver.do(Travel(2)) == (0, 2)
    assert driver.reader.inside(0) is None
    assert driver.do(Step("sample", 1)) == (0, 3)
    assert driver.do(Travel(2, branch=1)) == (1, 2)
    assert driver.reader.inside(1) is not None
    assert driver.do(Step("sample", 2)) == (1, 4)
    whole, half = (driver.weights(branch, "weight_after")[2] - before for branch in (0, 1))
    assert half == pytest.approx(whole / 2)
    assert driver.do(Travel(3)) == (1, 3)
    driver.do(Back("op"))
    assert driver.place == (1, 2)
    assert driver.reader.inside(1).phase == "update"
    driver.do(Back("phase"))
    assert driver.do(Back("phase")) == (0, 2)
    assert driver.reader.inside(0).phase == "backward"


def test_a_pause_after_a_race_that_could_not_be(build):
    driver = Driver(build(target="linear", arguments=("--epochs", "1000000"), reverse=True))
    driver.do(Step("sample", 2))
    driver.do(Step("op"))
    driver.do(Race(("1", "2"), 5))
    assert driver.client.status.detail == "there is no race amid a sample"
    driver.client.send(Step("run"))
    driver.client.wait(lambda status: status.steps > 3, state="running")
    driver.client.send(Pause())
    driver.client.wait(state="paused")


ENDLESS = """\
def loop(lr=0.1):
    for i in for_ever():
        yield i._replace(loss=lr)
"""


@pytest.mark.parametrize("end", ["pause", "quit", "kill"])
def test_a_race_is_stopped(build, end):
    house = build(ENDLESS, reverse=True)
    driver = Driver(house)
    driver.do(Step("sample", 2))
    driver.client.send(Race(("1", "2", "3"), 10**9))
    driver.client.wait(lambda status: status.zoom.startswith("racing lr 1, 2, 3: "), state="running")
    if end == "pause":
        driver.client.send(Pause())
        driver.client.wait(state="paused", detail="the race was stopped")
        assert driver.do(Step("sample", 2)) == (0, 4)
        assert [each[3] for each in driver.branches] == [4]
        driver.client.send(Step("run"))  # a race that is over does not take the next pause for its own
        driver.client.wait(lambda status: status.steps > 9, state="running")
        driver.client.send(Pause())
        assert driver.client.wait(state="paused").steps > 9
    elif end == "kill":
        house.process.kill()
        house.process.wait()
        house.assert_empty()
    driver.reader.close()


ADAM = """\
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.3), torch.nn.Linear(4, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
losses = []
for index in range(8):
    loss = net(torch.randn(5, 3)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    if index != skipped:
        optimizer.step()
    losses.append(loss.item().hex())
"""


def test_what_an_optimizer_keeps_is_put_back(build):
    expected = {"skipped": 4}
    exec(ADAM, expected)
    house = build(f"skipped = None\n{ADAM}", reverse=True, script=True)
    driver = Driver(house)
    driver.do(Step("sample", 5))
    assert driver.do(Travel(5, skip="update")) == (1, 5)
    driver.do(Step("sample", 2))
    assert driver.losses(1) == expected["losses"][:7]
    driver.reader.close()
