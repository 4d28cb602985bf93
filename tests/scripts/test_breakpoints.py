"""The training stops where it was asked to, and tells why."""

from bptui.breakpoints import parse_breakpoint
from bptui.protocol import Breakpoints

NET = """\
import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
model = torch.nn.ModuleDict({"net": net, "spare": torch.nn.Linear(2, 2)})
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
data = torch.randn(64, 4)
target = data.sum(1, keepdim=True)

def loss_of(rows):
    guess = net(data[rows])
    return ((guess - target[rows]) ** 2).mean()

for epoch in range(3):
    for i in range(8):
        loss = loss_of(slice(8 * i, 8 * i + 8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch == 1 and i == 3:
            with torch.no_grad():
                net[0].weight[0, 0] = float("nan")
"""


def breakpoints(*texts, **how):
    return Breakpoints(tuple(parse_breakpoint(text, number, **how) for number, text in enumerate(texts, 1)))


async def run(stepped, command=None):
    if command is not None:
        await stepped.session.obey(command)
    await stepped.step(granularity="run")
    return stepped.status


AFTER = {
    "sample 5": 5,
    "epoch 1": 9,
    "nan": 12,
    "isnan(loss)": 13,
    'isnan(param("0.weight"))': 12,
    'norm(grad("2.bias")) > 0.001': 1,
    "nograd": 1,
    'update("0.weight").norm > 0': 1,
    "any(unchanged(param, 3)) and step > 5": 6,
    "step == 7 and lr == 0.1": 7,
    "loss < previous(loss) / 2": None,
}
"""After how many samples each stops first."""


async def test_conditions_after_samples(workshop):
    async with workshop.session(workshop.write(NET)) as stepped:
        status = await run(stepped, breakpoints(*AFTER))
        first = {}
        while status.state == "paused":
            assert status.hit
            assert status.detail.startswith(f"breakpoint {status.hit[0]}: {[*AFTER][status.hit[0] - 1]}")
            first |= {each: status.steps for each in status.hit if each not in first}
            status = await run(stepped)
        reached = {text: first.get(number) for number, text in enumerate(AFTER, 1)}
        losses = [sample.quantities["loss"].item for sample in stepped.done().reader.samples(0, 0, 24)]
        halved = next(step for step in range(1, 24) if losses[step] < losses[step - 1] / 2) + 1
        assert reached == AFTER | {"loss < previous(loss) / 2": halved}
        counts = {each.id: each.count for each in status.hits}
        assert (counts[1], counts[2], counts[3]) == (3, 1, 1)
        reader = stepped.done().reader
        assert {last.breakpoint: count for count, last in reader.breakpoints_hit(0)} == {
            number: count for number, count in counts.items() if count
        }
        assert [(hit.step, hit.place) for hit in reader.hits(0, 0, 24, 999) if hit.breakpoint == 1] == [
            (4, ""), (12, ""), (20, "")
        ]  # fmt: skip


async def test_samples_are_traced_from_one_on(workshop):
    long = NET.replace("range(3)", "range(300)")  # so that the end, before which all are traced, is far away
    async with workshop.session(workshop.write(long), trace_from=10) as stepped:
        await run(stepped, breakpoints("nan"))
        reader = stepped.done().reader
        traced = [reader.graph(0, step) is not None for step in range(1, 12)]
        assert traced[-3:] == [True] * 3
        assert not all(traced)
        assert reader.explanations(0, 11) is not None


async def test_breakpoints_inside_a_sample_and_on_lines(workshop):
    async with workshop.session(workshop.write(NET)) as stepped:
        reached, reader = [], stepped.done().reader
        for text, times in (
            ("op relu", 2),
            ("module net.0", 1),
            ("backward if step == 5", 1),
            ("param 2.weight", 1),
            ("train.py:12 if step > 6", 1),
            ("train.py:18", 2),
            ("isnan(value)", 2),
        ):
            await stepped.session.obey(breakpoints(text))
            for _ in range(times):
                status = await run(stepped)
                inside = reader.inside(0)
                place = reader.stack(0, status.steps).frames[0].place.line
                assert status.detail == f"breakpoint 1: {text}"
                reached.append((status.steps, inside.phase if inside else "", inside.op if inside else "", place))
        assert reached == [
            (0, "forward", "relu", 11),
            (1, "forward", "relu", 11),
            (1, "backward", "AddmmBackward0", 18),
            (4, "backward", "MeanBackward0", 18),
            (4, "backward", "AccumulateGrad", 18),
            (6, "", "", 12),
            (6, "", "", 18),
            (7, "", "", 18),
            (12, "forward", "addmm", 11),
            (13, "forward", "addmm", 11),
        ]
        hits = [(hit.step, hit.text, hit.place) for hit in reader.hits(0, 0, 24, 99)]
        assert hits[:3] == [
            (0, "op relu", "forward · relu · model.net.1"),
            (1, "op relu", "forward · relu · model.net.1"),
            (1, "module net.0", "backward · AddmmBackward0 · model.net.0"),
        ]
        assert (6, "train.py:12 if step > 6", "train.py:12") in hits
        assert (await run(stepped, breakpoints())).state == "finished"


async def test_what_no_sample_has_is_said(workshop):
    async with workshop.session(workshop.write(NET)) as stepped:
        texts = ("op rellu", "module net.*.attn", "param 9.weight", "op relu if step > 99")
        await stepped.session.obey(breakpoints(*texts))
        await stepped.step(3)
        problems = {each.id: each.problem for each in stepped.status.hits}
        assert problems == {
            1: "no op rellu so far; did you mean 'relu'?",
            2: "no module net.*.attn so far",
            3: "no param 9.weight so far",
        }
