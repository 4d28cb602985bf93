"""Reset: a new branch before the first sample, whatever the old one was doing."""

from bptui.protocol import Reset, Step

FOR_EVER = "def loop():\n    yield from for_ever()\n"


def test_a_new_branch_and_the_old_one_intact(begin, house):
    client = begin()
    client.step(4)
    before = house.reader().samples(client.status.branch, 0, 10)
    status = client.reset()
    assert (status.state, status.steps) == ("paused", 0)
    branches = house.reader().branches()
    assert (branches[-1].id, branches[-1].parent, branches[-1].reason) == (
        status.branch,
        status.branch - 1,
        "reset",
    )
    assert (branches[-2].state, branches[-2].detail, branches[-2].steps) == ("finished", "reset", 4)
    client.step(2)
    assert house.reader().samples(status.branch - 1, 0, 10) == before
    assert house.reader().steps(status.branch) == 2


def test_while_running_keeps_every_sample_that_was_seen(begin, house):
    client = begin(
        """
        def loop():
            try:
                for sample in for_ever():
                    print(sample.index, flush=True)
                    yield sample
            finally:
                print("cleaned up")
        """
    )
    client.send(Step("run"))
    client.wait(lambda status: status.steps > 50)
    assert client.reset().state == "paused"
    branch = client.status.branch - 1
    reader = house.reader()
    count = reader.output_count()
    lines = [line for line in reader.output(count - 30_000, count) if line.branch == branch]
    printed = [(line.step, line.is_error, line.text) for line in lines]
    # Each sample prints before it is yielded; the training has stopped at the last one that is recorded.
    steps = reader.steps(branch)
    assert printed[-1] == (steps, False, "cleaned up")
    assert [line[0] for line in printed[-steps - 1 : -1]] == list(range(steps))
    assert house.reader().branches()[branch].state == "finished"


def test_after_the_end(begin):
    client = begin()
    client.step(granularity="run")
    assert client.reset().state == "paused"
    assert client.step(3).steps == 3


def test_after_a_crash(begin, house):
    client = begin("def loop():\n    yield from ten(lambda i: 1 / (2 - i))\n")
    assert client.step(granularity="run").state == "failed"
    assert client.reset().state == "paused"
    assert house.reader().branches()[-2].state == "failed"


def test_after_a_refusal_the_mended_file_is_read(begin, house):
    client = begin("def lop():\n    yield from ten()\n")
    assert client.status.state == "failed"
    assert "did you mean 'lop'" in client.status.refused
    house.write("def loop():\n    yield from ten()\n")
    status = client.reset()
    assert (status.state, status.refused, status.exit_code) == ("paused", "", None)


def test_twice_at_once(begin, house):
    client, other = begin(), house.client()
    branch = client.status.branch
    client.send(Reset())
    other.send(Reset())
    client.wait(lambda status: status.branch > branch, state="paused")
    assert client.step().steps == 1


def test_with_steps_behind_it(begin):
    client = begin()
    branch = client.status.branch
    client.send(Step("sample", 3), Reset(), Step("sample", 2))
    status = client.wait(branch=branch + 1, steps=2, state="paused")
    assert status.state == "paused"


def test_by_somebody_else_while_it_steps(begin, house):
    client, other = begin(FOR_EVER), house.client()
    branch = client.status.branch
    client.send(Step("run"))
    other.send(Reset(), Reset(), Step("sample"))
    client.send(Step("sample"))
    client.wait(lambda status: status.branch > branch and status.steps >= 1, state="paused")


def test_of_a_training_that_does_not_want_to_go(begin):
    client = begin(
        """
        def loop():
            try:
                yield from for_ever()
            finally:
                time.sleep(1e6)
        """
    )
    client.step()
    assert client.reset().state == "paused"


def test_while_torch_is_imported_is_ignored(build):
    house = build()
    client = house.client()
    client.wait(state="starting")
    client.send(Reset())
    assert client.wait(state="paused").branch == 0
