"""Steps, epochs, runs, pauses and the end, as an app asks for them."""

from bptui.breakpoints import parse_breakpoint
from bptui.protocol import Breakpoints, Pause, Step

TWO_EPOCHS = """
    def loop():
        for epoch in range(2):
            for i in range(5):
                yield Sample(epoch=epoch, index=i, loss=float(i), samples=5, epochs=2)
"""
FOR_EVER = "def loop():\n    yield from for_ever()\n"


SAMPLE_3 = parse_breakpoint("sample 3", 1)


def test_a_sample(begin, house):
    client = begin()
    assert client.status.steps == 0
    assert client.step().steps == 1
    assert client.status.state == "paused"
    assert house.reader().sample(client.status.branch, 0).quantities["loss"].item == 0.0


def test_several_samples(begin):
    assert begin().step(7).steps == 7


def test_an_epoch_and_the_rest_of_one(begin):
    client = begin(TWO_EPOCHS)
    assert client.step(granularity="epoch").steps == 5
    assert client.step(2).steps == 7
    assert client.step(granularity="epoch").steps == 10
    assert client.status.state == "paused"


def test_to_the_end(begin, house):
    client = begin(TWO_EPOCHS)
    status = client.step(granularity="run")
    assert (status.state, status.steps, status.exit_code, status.detail) == ("finished", 10, 0, "")
    branch = house.reader().branches()[-1]
    assert (branch.state, branch.steps, branch.exit_code) == ("finished", 10, 0)


def test_past_the_end(begin):
    status = begin(TWO_EPOCHS).step(100)
    assert (status.state, status.steps) == ("finished", 10)


def test_nothing_moves_after_the_end(begin):
    client = begin(TWO_EPOCHS)
    client.step(granularity="run")
    client.send(Step("sample"), Pause())
    assert client.reset().steps == 0


def test_counts_that_are_no_counts_are_ignored(begin):
    client = begin()
    client.send(Step("sample", 0), Step("sample", -3), Step("sample", 1))
    assert client.wait(steps=1, state="paused")


def test_quick_presses_add_up(begin):
    client = begin()
    client.send(*[Step("sample")] * 4)
    assert client.wait(steps=4, state="paused")
    client.send(Step("sample", 2), Step("sample", 3))
    assert client.wait(steps=9, state="paused")


def test_steps_wait_for_the_start(build):
    client = build().client()
    assert client.wait().state == "starting"
    client.send(Step("sample"), Step("sample", 2))
    assert client.wait(steps=3, state="paused")


def test_pause_of_a_run(begin, house):
    client = begin(FOR_EVER)
    client.send(Step("run"))
    assert client.wait(lambda status: status.steps > 100, state="running").samples_per_second >= 0
    client.send(Pause())
    status = client.wait(state="paused")
    assert not status.pausing
    assert status.samples_per_second == 0
    reader = house.reader()
    assert reader.steps(status.branch) == status.steps
    assert reader.graph(status.branch, status.steps - 1) is not None
    assert client.step().steps == status.steps + 1


def test_a_pause_at_a_stop_is_forgotten(begin):
    client = begin(FOR_EVER)
    client.send(Step("sample"), Pause(), Step("sample", 5))
    # The pause comes before, at or after the first sample; in no case may it eat the steps that follow it.
    client.wait(lambda status: status.steps >= 1, state="paused")
    assert client.step(3).state == "paused"


def test_a_pause_when_the_loop_has_just_ended(begin):
    client = begin(TWO_EPOCHS)
    client.send(Step("run"), Pause())
    status = client.wait(lambda status: status.state in ("paused", "finished") and status.steps > 0)
    assert not status.pausing
    if status.state == "paused":
        client.step(granularity="run")
    assert client.wait(state="finished").steps == 10


def test_breakpoints_stop_a_run_and_outlast_a_reset(begin, house):
    client = begin(TWO_EPOCHS)
    client.send(Breakpoints((SAMPLE_3,)), Step("run"))
    assert client.wait(state="paused", steps=3).breakpoints == (SAMPLE_3,)
    client.send(Step("run"))
    assert client.wait(state="paused", steps=8).detail == "breakpoint 1: sample 3"
    client.reset()
    client.send(Step("run"))
    client.wait(state="paused", steps=3)
    assert house.client().wait().breakpoints == (SAMPLE_3,)
    client.send(Breakpoints(()), Step("run"))
    assert client.wait(state="finished").steps == 10
