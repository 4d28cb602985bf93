"""What is asked, set and watched where a script stands; and that it harms nothing."""

import asyncio

from bptui.debuggee.evaluator import TOO_LONG
from bptui.protocol import Assign, Assigned, Evaluate, Evaluated, Interrupt, Pause, Step, Watches

NET = """\
import random
import numpy
import torch

torch.manual_seed(0), random.seed(1), numpy.random.seed(2)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

def train(samples, scale):
    for i in range(samples):
        x = torch.randn(8, 4)
        loss = ((model(x) - scale) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(i, loss.item().hex())

train(8, 2.0)
print(random.random().hex(), numpy.random.rand().hex())
"""


class Asking:
    def __init__(self, stepped):
        self.stepped, self.answers, self.count = stepped, stepped.answers, 0

    async def begin(self, kind, *values):
        self.count += 1
        await self.stepped.session.obey(kind(self.count, *values))
        return self.count

    async def answer(self, request):
        await self.stepped.until(lambda: request in self.answers)
        return self.answers[request]

    async def value(self, text, frame=1):
        answer = await self.answer(await self.begin(Evaluate, text, frame))
        assert type(answer) is Evaluated
        return answer.value

    async def set(self, target, value, frame=1):
        answer = await self.answer(await self.begin(Assign, target, value, frame))
        assert type(answer) is Assigned
        return answer.text or answer.problem


async def test_asking_changes_nothing_and_setting_what_it_says(workshop):
    target = workshop.write(NET)
    async with workshop.session(target) as stepped:
        asking = Asking(stepped)
        await stepped.session.obey(Watches(("norm(grad)", "i", "nothing", "torch.rand(1)")))
        await stepped.step(3)
        value = await asking.value("loss")
        assert value.kind == "float32"
        assert value.number == stepped.done().reader.sample(0, 2).quantities["loss"].item
        assert (await asking.value("[p.shape[0] for p in model.parameters() if p.grad is not None]")).text == (
            "[8, 8, 1, 1]"
        )
        assert (await asking.value("i + int(scale)")).number == 4
        assert (await asking.value("train", 2)).kind == "function"
        assert (await asking.value("step")).number == 3
        assert (await asking.value("grad('0.weight')")).problem == ""
        for text, problem in (
            ("1 +", "invalid syntax\n1 +\n   ^"),
            ("1 / 0", "ZeroDivisionError: division by zero"),
            ("nowhere", "NameError: name 'nowhere' is not defined"),
            ("exit(3)", "SystemExit: 3"),
            ("open('/nowhere/x')", "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/x'"),
            ("(torch.rand(3), random.random(), numpy.random.rand(), torch.manual_seed(7))[9]", "IndexError: "),
            ("((model(x) - 1) ** 2).mean().backward()[0]", "TypeError: "),
        ):
            assert (await asking.value(text)).problem.startswith(problem)
        assert (await asking.value("i", 9)).problem == "LookupError: there is no frame 9: there are 2"
        hanging = await asking.begin(Evaluate, "[0 for _ in iter(int, 1)]")
        await asyncio.sleep(0.2)
        while hanging not in asking.answers:
            await stepped.session.obey(Interrupt())
            await asyncio.sleep(0.05)
        assert asking.answers[hanging].value.problem == "interrupted"
        reader = stepped.done().reader
        assert reader.watched("norm(grad)", 0, 3)[0][0] == 3
        (_, value), *_ = reader.watched("i", 0, 3)
        assert value.number == 2
        (_, value), *_ = reader.watched("nothing", 0, 3)
        assert value.problem == "NameError: name 'nothing' is not defined"
        await asking.value("optimizer.zero_grad()")
        await stepped.step(granularity="run")
        assert stepped.text[1].replace(b"\r", b"").decode() == workshop.said(target)


async def test_what_is_set_takes_effect_and_is_recorded(workshop):
    async with workshop.session(workshop.write(NET)) as stepped:
        asking = Asking(stepped)
        assert await asking.set("lr", "1") == "no variable is called 'lr'; there is no optimizer yet, either"
        await stepped.step(2)
        assert await asking.set("lr", "0.5 / 2") == "lr: 0.1 → 0.25"
        assert await asking.set("lr[1]", "1") == "there is no lr[1]: there are 1 parameter groups, from lr[0]"
        assert (await asking.set("model[0].weight[0, 1]", "7")).endswith(" → 7.0")
        assert (await asking.value("model[0].weight[0, 1]")).number == 7
        assert await asking.set("scale", "i * 3.0") == "scale: 2.0 → 3.0"
        assert (await asking.set("model[2].bias", "0")).endswith(" → 0.0")
        assert await asking.set("1 + 2", "3") == (
            "'1 + 2' is nothing that can be set: a variable, w[0], model.fc1.bias, w.grad, lr"
        )
        assert (await asking.set("scal", "3")).startswith("no variable is called 'scal'; did you mean 'scale'?")
        assert (await asking.set("model[0].weight", "torch.ones(3)")).startswith("RuntimeError: ")
        await stepped.step(granularity="op")
        assert (await asking.value("scale")).number == 3
        refused = await asking.set("model[0].weight", "0")
        assert refused == "the sample at hand may still need it: set it after the sample, or its .grad now"
        await stepped.step()
        reader = stepped.done().reader
        assert reader.sample(0, 2).rates[0].rates == (0.25,)
        assert [(edit.step, edit.what, edit.new) for edit in reader.edits(0)] == [
            (2, "lr", "0.25"),
            (2, "model[0].weight[0, 1]", "7.0"),
            (2, "scale", "3.0"),
            (2, "model[2].bias", "0.0"),
        ]


SCHEDULED = """\
import torch

model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.9**epoch)
for i in range(1_000_000):
    x = torch.randn(3, 4)
    loss = model(x).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
HANGS = "i if i < 3 else [0 for _ in iter(int, 1)]"


async def test_what_the_backward_pass_needs_is_refused_and_a_system_call_is_interrupted(workshop):
    async with workshop.session(workshop.write(SCHEDULED)) as stepped:
        asking = Asking(stepped)
        await stepped.step()
        assert await asking.set("lr", "0.5") == "lr: 0.1 → 0.5; a scheduler may set it again"
        await stepped.step(3, "op")
        refused = "the sample at hand may still need it: set it after the sample, or its .grad now"
        for target in ("x[0]", "x", "x[:, model.weight.grad[0] > 0]", "model.weight.data[0]"):
            assert await asking.set(target, "0") == refused
        assert (await asking.set("model.weight.grad[0, 0]", "1")).endswith(" → 1.0")
        for text in ("input()", "__import__('os').read(__import__('os').pipe()[0], 1)"):
            blocked = await asking.begin(Evaluate, text)
            while blocked not in asking.answers:
                await stepped.session.obey(Interrupt())
                await asyncio.sleep(0.05)
            assert asking.answers[blocked].value.problem == "interrupted"
        assert (await stepped.step()).state == "paused"
        await a_watch_holds_nothing_up_and_is_kept_with_its_sample(stepped)


async def a_watch_holds_nothing_up_and_is_kept_with_its_sample(stepped):
    assert stepped.status.steps == 2
    await stepped.session.obey(Watches((HANGS,)))
    await stepped.step(5)
    reader = stepped.done().reader
    assert [(at, value.text, value.problem) for at, value in reader.watched(HANGS, 0, 7)] == [
        (7, "", TOO_LONG), (2, "1", "")
    ]  # fmt: skip
    await stepped.session.obey(Step("run"))
    await stepped.until(lambda: stepped.session._recorder.seen > 20)
    await stepped.session.obey(Watches(("i",)))
    await stepped.until(lambda: len(reader.watched("i", 0, 1_000_000, 100)) >= 3)
    await stepped.session.obey(Pause())
    await stepped.wait("paused")
    *_, first = values = reader.watched("i", 0, 1_000_000, 1000)
    assert first[0] > 7
    assert {at - value.number for at, value in values[1:]} == {1}  # the first is of the stop, in the next sample
