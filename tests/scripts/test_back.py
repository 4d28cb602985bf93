"""Going back in scripts: every kind of training goes on bit for bit as if it had never been elsewhere."""

import ctypes.util

import psutil
import pytest

from bptui.protocol import Back, Step, Travel, Typed

from . import kinds


def test_every_kind_of_training(shared_workshop, travel):
    bare = shared_workshop.bare(kinds.__file__)
    app = travel(kinds.__file__)
    status = app.go(Step("sample", 30))
    while status.state == "paused":
        at = status.steps
        status = app.go(Travel(at - 20))
        assert (status.steps, status.recorded, status.branch, status.differs) == (at - 20, at, 0, "")
        status = app.go(Step("sample", 20))
        assert (status.steps, status.differs, status.no_return) == (at, "", "")
        status = app.go(Step("sample", 30))
    assert (status.state, status.branch, status.differs) == ("finished", 0, "")
    # After the end of the last kind, from the middle of the first ones.
    for command in (Travel(3), Step("op", 6), Back("op"), Back("phase"), Back("phase"), Back("sample", 2)):
        assert app.go(command).state == "paused"
    status = app.go(Step("run"))
    assert (status.state, status.branch, status.differs) == ("finished", 0, "")
    assert app.printed() == bare.stdout.splitlines()


EFFECTS = """
    import threading, time, sys
    import torch
    from torch.utils.tensorboard import SummaryWriter

    name = input("name? ")
    data = open("data.txt")
    log = open("log.txt", "w", buffering=1)
    board = SummaryWriter("board", flush_secs=1)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Dropout(0.5), torch.nn.Linear(3, 1))
    opt = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for step in range(40):
        x = torch.tensor([float(word) for word in data.readline().split()])
        loss = model(x).square().sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        board.add_scalar("loss", loss.item(), step)
        print(name, step, loss.item().hex())
        print(step, loss.item().hex(), file=log)
    board.close()
    if "threads" in sys.argv:
        threading.Thread(target=time.sleep, args=(1e9,), daemon=True, name="helper").start()
    if "clock" in sys.argv:
        torch.manual_seed(time.perf_counter_ns())
    for step in range(5):
        loss = model(x).square().sum()
        loss.backward()
    raise RuntimeError("over")
"""


@pytest.fixture
def effects(shared_workshop, monkeypatch):
    monkeypatch.chdir(shared_workshop.folder)
    (shared_workshop.folder / "data.txt").write_text("".join(f"{i / 40} 0.5\n" for i in range(40)))
    return shared_workshop.write(EFFECTS, "effects.py")


def test_what_a_script_has_open_goes_back_too(shared_workshop, travel, effects):
    log = shared_workshop.folder / "log.txt"
    app = travel(effects)
    app.send(Typed("me\n"))
    assert app.go(Step("sample", 30)).steps == 30
    first = log.read_text()
    assert app.go(Travel(10)).steps == 10
    assert log.read_text() == "".join(first.splitlines(keepends=True)[:10])
    status = app.go(Step("run"))
    assert (status.state, status.steps, status.differs) == ("failed", 45, "")
    assert "RuntimeError: over" in status.detail
    # It has raised: one can go back to look why.
    assert app.go(Back("sample", 3)).steps == 42
    assert app.go(Back("op")).steps == 41
    assert app.go(Step("run")).state == "failed"
    assert log.read_text().startswith(first)
    assert len(log.read_text().splitlines()) == 40
    lines = [f"me {line}" for line in log.read_text().splitlines()]
    # What was typed was there before the question.
    printed = [line.removeprefix("name? ") for line in app.printed()]
    assert [line for line in printed if line.startswith("me ")] == lines
    # From before it was made another one is made; the writer's thread goes on in all of them.
    boards = list((shared_workshop.folder / "board").iterdir())
    assert max(each.stat().st_size for each in boards) > 40 * 30


def test_another_run_is_another_branch(travel, effects):
    app = travel(effects, "clock")
    app.send(Typed("me\n"))
    assert app.go(Step("sample", 44)).steps == 44
    status = app.go(Travel(39))
    status = app.go(Step("sample", 5))
    assert status.differs.startswith("not deterministic from sample 4")
    assert (status.branch, status.steps) == (1, 44)
    app.go(Step("run"))
    assert app.go(Travel(20)).steps == 20
    for each in psutil.Process(app.process.pid).children(recursive=True):  # the training, and all of its copies
        each.kill()
    status = app.wait(lambda status: status.exit_code is not None and not status.checkpoints)
    assert "signal 9" in status.detail
    assert app.printed()


def test_a_thread_that_a_copy_would_lack(travel, effects):
    app = travel(effects, "threads")
    app.send(Typed("me\n"))
    assert app.go(Step("sample", 38)).no_return == ""
    status = app.go(Step("sample", 5))
    assert status.no_return == "the script has another thread: helper"
    app.process.kill()  # what it has started ends, too: `shared_workshop` looks
    app.process.wait()


WIDE = """
    import torch

    torch.set_num_threads(2)  # it is so already; or not
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(512, 512), torch.nn.Dropout(0.5), torch.nn.Linear(512, 8))
    opt = torch.optim.Adam(model.parameters(), 1e-3)
    for step in range(40):
        loss = model(torch.randn(256, 512)).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        print(torch.get_num_threads(), loss.item().hex())
"""


@pytest.mark.skipif(not ctypes.util.find_library("omp"), reason="there is no libomp")
def test_two_threads(shared_workshop, travel, monkeypatch):
    script = shared_workshop.write(WIDE, "wide.py")
    app = travel(script, threads=2)
    for command, steps in ((Step("sample", 20), 20), (Travel(8), 8), (Step("sample", 15), 23), (Travel(22), 22)):
        status = app.go(command)
        assert (status.steps, status.differs, status.no_return) == (steps, "", "")
    assert app.go(Step("run")).differs == ""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert app.printed() == shared_workshop.bare(script).stdout.splitlines()


def test_more_threads_than_a_copy_would_have(shared_workshop, travel):
    """The script sets them itself: it keeps them, and it is said with which option it could go back."""
    app = travel(shared_workshop.write(WIDE, "wide.py"))
    status = app.go(Step("sample", 3))
    assert status.no_return == "the script has set torch to 2 threads: a copy needs --threads 2 for that"
    app.go(Step("run"))
    assert {line.split()[0] for line in app.printed()} == {"2"}


ALONE = """
    import pathlib, torch, torch.distributed as distributed

    weight = torch.ones(3, requires_grad=True)
    for step in range(30):
        if step == 10:
            distributed.init_process_group("gloo", init_method="file:///tmp/SHARED", world_size=1, rank=0)
        loss = (weight * step).square().sum()
        loss.backward()
        if step >= 10:
            distributed.all_reduce(weight.grad)
        with torch.no_grad():
            weight -= 1e-4 * weight.grad
        weight.grad = None
    distributed.destroy_process_group()
"""


def test_processes_that_would_not_come_along(shared_workshop, travel, tmp_path):
    """From the moment that others are in it, the recording is looked at instead; and it is said why."""
    app = travel(shared_workshop.write(ALONE.replace("/tmp/SHARED", str(tmp_path / "shared")), "alone.py"))
    assert app.go(Step("sample", 8)).no_return == ""
    assert app.go(Travel(3)).steps == 3
    status = app.go(Step("sample", 12))
    assert (status.steps, status.checkpoints) == (15, ())
    assert status.no_return.startswith("torch.distributed is in use")
    app.send(Travel(12))
    status = app.wait(unmoved=1)
    assert (status.steps, status.detail) == (15, "there is no copy of the training from before sample 13")
    status = app.go(Step("run"))
    assert (status.state, status.steps) == ("finished", 30)
