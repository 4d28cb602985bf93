"""A pause where there is no sample: before the first one, between two, in C."""

import os
import signal

from bptui.protocol import Pause, Step, Typed

PREPARE = """
import os, signal, sys, time
got = []
signal.signal(signal.SIGUSR1, lambda *_: got.append(1))
print("preparing", flush=True)
count = 0
while not got:
    count += 1
import torch
weight = torch.ones(1, requires_grad=True)
for i in range(5):
    loss = (weight * 2).sum()
    loss.backward()
    weight.grad = None
print("validating", flush=True)
while len(got) < 2:
    count += 1
for i in range(5):
    (weight * 3).sum().backward()
"""


async def run_until(stepped, said):
    await stepped.session.obey(Step("run"))
    await stepped.until(lambda: said in stepped.text[1])


def kick(stepped):
    os.kill(stepped.session._lifecycle.debuggee.pid.result(), signal.SIGUSR1)


async def test_before_the_first_sample_and_between_two(workshop):
    async with workshop.session(workshop.write(PREPARE)) as stepped:
        await run_until(stepped, b"preparing")
        assert stepped.status.detail == "torch is not imported yet"
        await stepped.session.obey(Pause())
        await stepped.wait("paused")
        assert stepped.status.steps == 0
        assert stepped.status.detail in ("at train.py:7", "at train.py:8")
        await stepped.session.obey(Step("sample"))
        assert stepped.status.state == "running"
        kick(stepped)
        await stepped.wait("paused")
        assert stepped.status.steps == 1
        assert [node.name for node in stepped.done().reader.graph(0, 0) if node.kind == "op"] == ["mul", "sum"]
        await run_until(stepped, b"validating")
        await stepped.session.obey(Pause())
        assert stepped.status.pausing
        await stepped.session.obey(Pause(at_once=True))
        await stepped.wait("paused")
        assert stepped.status.detail in ("at train.py:16", "at train.py:17")
        assert stepped.status.steps in (4, 5)
        kick(stepped)
        await stepped.step(1, "run")
        assert (stepped.status.state, stepped.status.steps) == ("finished", 10)


async def test_what_can_not_be_interrupted_is_paused_later(workshop):
    """The script reads its terminal; a pause, a line, and it stops at the line of Python after that."""
    script = workshop.write("import time\nname = input('name? ')\nwhile True: time.sleep(0.01)\n")
    async with workshop.session(script) as stepped:
        await run_until(stepped, b"name? ")
        await stepped.until(lambda: stepped.status.waits_for_input)
        await stepped.session.obey(Pause())
        assert stepped.status.pausing
        await stepped.session.obey(Typed("Ada\r"))
        await stepped.wait("paused")
        assert not stepped.status.pausing
        assert stepped.text[1].startswith(b"name? Ada")


async def test_that_there_is_no_sample_is_said_no_longer_than_it_is_so(workshop):
    script = workshop.write(
        "import time, torch\nweight = torch.ones(1, requires_grad=True)\ninput('rate? ')\n"
        "for i in range(3): weight.sum().backward()\ntime.sleep(1000)\n"
    )
    async with workshop.session(script) as stepped:
        await run_until(stepped, b"rate? ")
        await stepped.until(lambda: stepped.status.detail == "no backward pass yet")
        await stepped.session.obey(Typed("\r"))
        await stepped.until(lambda: stepped.status.steps == 3)
        assert stepped.status.state == "running"
        assert not stepped.status.detail


async def test_quitting_before_the_first_sample_lets_it_clean_up(workshop):
    script = workshop.write(
        "import os, time\ntry:\n    print('now', flush=True)\n    while True: time.sleep(0.01)\n"
        "finally: open(os.path.dirname(__file__) + '/cleaned', 'w').close()"
    )
    async with workshop.session(script) as stepped:
        await run_until(stepped, b"now")
    assert (workshop.folder / "cleaned").exists()


async def test_children_and_other_programs_are_not_paused(workshop):
    script = workshop.write(
        "import os, subprocess\nchild = subprocess.Popen(['sleep', '1000'])\nprint('now', flush=True)\nos.wait()"
    )
    async with workshop.session(script) as stepped:
        await run_until(stepped, b"now")
        await stepped.session.obey(Pause())
        assert stepped.status.pausing
