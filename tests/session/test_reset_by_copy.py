"""Reset where copies wait: the first one takes over, for as long as the program is the same."""

import time

from bptui.protocol import Step

SOURCE = """
import pathlib, helper, torch
from bptui import Sample

with pathlib.Path(__file__).with_name("starts").open("a") as file:
    file.write("started ")

def loop():
    print("begun", helper.ANSWER)
    torch.manual_seed(helper.ANSWER)
    weight = torch.ones(3, requires_grad=True)
    for index in range(2_000):
        print("sample", index)
        yield Sample(0, index, float((weight * torch.rand(3)).sum().detach()))
        if index == 19:
            raise ValueError("the twentieth")
"""


def _losses(reader, branch):
    return [float(sample.quantities["loss"].item) for sample in reader.samples(branch, 0, 10)]


def _printed(reader, branch):
    count = reader.output_count()
    return [(line.step, line.text) for line in reader.output(0, count) if line.branch == branch]


def test_wherever_it_stands(build):
    house = build(SOURCE, reverse=True, files={"helper.py": "ANSWER = 42\n"})
    client = house.client()
    client.wait(state="paused")
    client.step(10)
    losses = _losses(house.reader(), 0)
    for branch in (1, 2, 3):
        began = time.monotonic()
        status = client.reset()
        assert (status.state, status.branch, status.steps, status.exit_code) == ("paused", branch, 0, None)
        print(f"reset in {1000 * (time.monotonic() - began):.0f} ms")
        client.step(10)
        assert _losses(house.reader(), branch) == losses
        if branch == 1:
            client.send(Step("run"))
            client.wait(lambda status: status.steps > 15)
        else:
            assert client.step(granularity="run").state == "failed"
    for branch in range(4, 20):  # wherever the pause before it comes
        client.send(Step("run"))
        client.wait(lambda status: status.state != "running" or status.steps)
        assert client.reset().branch == branch
        client.wait(state="paused", steps=0)
    reader = house.reader()
    assert _printed(reader, 3) == [(0, "begun 42"), *((index, f"sample {index}") for index in range(20))]
    first, *others = reader.branches()[:4]
    assert [(each.parent, each.reason) for each in others] == [(0, "reset")] * 3
    assert (first.state, first.detail, first.steps) == ("finished", "reset", 10)
    assert (house.folder / "starts").read_text() == "started "
    (house.folder / "helper.py").write_text("ANSWER = 43\n")
    client.reset()
    client.step(10)
    assert client.status.branch == 20
    assert (house.folder / "starts").read_text() == "started started "
    assert _losses(house.reader(), 20) != losses
