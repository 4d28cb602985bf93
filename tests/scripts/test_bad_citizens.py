"""Scripts that do what scripts may: none breaks us, and we break none."""

from pathlib import Path

import pytest

from bptui.protocol import Step

TRAIN = """
import argparse, atexit, contextlib, io, multiprocessing, os, pathlib, signal, subprocess, sys, threading, time
import torch

weight = torch.ones(1, requires_grad=True)

def train(count, between=lambda i: None):
    for i in range(count):
        loss = (weight * (i + 1)).sum()
        loss.backward()
        with torch.no_grad():
            weight.sub_(0.01 * weight.grad)
            weight.grad = None
        between(i)
"""


@pytest.fixture
def both(workshop):
    """Runs a script bare and recorded; nothing but bptui's own word at the end may differ."""

    def run(source, *arguments, same_stderr=True):
        script = workshop.write(source)
        bare, recorded = workshop.bare(script, *arguments), workshop.record(script, *arguments)
        assert (recorded.code, recorded.stdout) == (bare.code, bare.stdout)
        if same_stderr:
            assert recorded.stderr.startswith(bare.stderr)
        assert "bptui/" not in recorded.stderr
        assert "trouble" not in recorded.reader.facts()
        return recorded

    return run


def test_no_torch(both):
    done = both("import sys; print('hello', __name__, sys.argv[1:], sys.path[0])", "--its", "own")
    assert done.branch.state == "finished"


def test_a_package_is_run_as_a_module(workshop):
    workshop.write("", "package/__init__.py")
    workshop.write(
        "import sys, os; from . import other\n"
        "print(__name__, __package__, sys.argv[1:], sys.path[0], os.environ.get('PYTHONPATH'))",
        "package/train.py",
    )
    workshop.write("", "package/other.py")
    bare = workshop.bare("-m", "package.train", "-m", "x")
    done = workshop.record("-m", "package.train", "-m", "x")
    assert (done.code, done.stdout, done.stderr) == (0, bare.stdout, "")
    target = done.reader.target()
    assert target.path == str(workshop.folder / "package" / "train.py")
    assert done.reader.source(target.path).startswith("import sys")


def test_a_module_that_is_not_there(workshop):
    bare, done = workshop.bare("-m", "no_such.module"), workshop.record("-m", "no_such.module")
    assert done.code == bare.code == 1
    assert done.stderr.startswith(bare.stderr)


def test_no_python(both):
    done = both("x = = 1\n")
    assert done.code == 1
    assert "SyntaxError" in done.branch.detail


def test_argparse(both):
    done = both(
        "import argparse; p = argparse.ArgumentParser(); p.add_argument('--lr', type=float); p.parse_args()",
        "--lr",
        "fast",
    )
    assert done.code == 2
    assert "invalid float value: 'fast'" in done.stderr
    assert done.branch.exit_code == 2


def test_os_exit_loses_nothing(workshop):
    done = workshop.record(workshop.write(TRAIN + "train(50); print('bye', flush=True); os._exit(4)"))
    assert (done.code, done.stdout) == (4, "bye\n")
    assert len(done.samples) >= 49  # the last one was not over


def test_os_exit_without_an_error(both):
    assert both("import os; print('bye', flush=True); os._exit(0)").branch.state == "finished"


def test_sys_exit_and_what_is_said_of_the_loop(workshop):
    done = workshop.record(workshop.write(TRAIN + "atexit.register(print, 'at exit'); train(50); sys.exit(3)"))
    assert (done.code, done.stdout) == (3, "at exit\n")
    assert len(done.samples) == 50
    facts = done.reader.facts()
    assert facts["sample"] == "each iteration of the loop at train.py:8"
    assert facts["epoch"].startswith("none found")


def test_an_excepthook_of_its_own_and_an_error_in_the_engine(workshop):
    own = "sys.excepthook = lambda *error: print('mine', error[0].__name__)\n"
    script = TRAIN + own + "train(3)\nloss = weight.sum() ** 2\nloss.backward()\nloss.backward()"
    done = workshop.record(workshop.write(script))
    assert (done.code, done.stdout) == (1, "mine RuntimeError\n")
    assert "a second time" in done.branch.detail
    assert "bptui/" not in done.branch.detail
    (frame,) = done.reader.stack(0, done.branch.steps).frames
    assert (frame.function, frame.place.line) == ("<module>", script.count("\n") + 1)


def test_killed_by_a_signal(workshop):
    script = workshop.write(TRAIN + "train(50); os.kill(os.getpid(), signal.SIGKILL)")
    done = workshop.record(script)
    assert done.code == 137
    assert len(done.samples) == 50
    assert "SIGKILL" in done.branch.detail


def test_its_own_ways(both):
    """Signal handlers, a tracer, another sys.stdout, another directory, binary output."""
    done = both(
        "import importlib.util; print(bool(importlib.util.find_spec('torch')))\n"
        + TRAIN
        + """
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: print("caught", number))
    os.kill(os.getpid(), number)
train(5)
calls = []
sys.settrace(lambda frame, event, argument: calls.append(frame.f_code.co_name))
train(5)
sys.settrace(None)
print("train" in calls, sys.gettrace())
train(5)
with contextlib.redirect_stdout(io.StringIO()) as text:
    train(5, print)
sys.stdout = io.TextIOWrapper(sys.stdout.buffer, "utf-8", write_through=True)
train(5, print)
sys.stdout.buffer.write(b"\\x00\\xff\\x1b[1m\\r\\n")
os.mkdir("elsewhere"); os.chdir("elsewhere")
sys.stdout.flush()
saved = os.dup(1)
os.dup2(os.open("log.txt", os.O_CREAT | os.O_WRONLY), 1)
train(5, lambda i: print("to the file", i, flush=True))
os.dup2(saved, 1)
print(open("log.txt").read(), repr(text.getvalue()))
os.remove("log.txt"); os.rmdir("../elsewhere")
print(os.isatty(0) or True, weight.item().hex())
signal.signal(signal.SIGURG, lambda *_: print("ours is mine"))
os.kill(os.getpid(), signal.SIGURG)
"""
    )
    assert len(done.samples) == 30
    assert done.stdout.endswith("ours is mine\n")


def test_it_closes_every_fd(workshop):
    script = workshop.write(
        TRAIN
        + """
train(20)
os.closerange(3, 1000)
mine = open("mine.txt", "w")  # it may get the number of our channel
train(20)
mine.write("all mine")
mine.close()
train(20, lambda i: time.sleep(0.04))
open("end.txt", "w").write(weight.item().hex())
sys.exit(5)
"""
    )
    bare = workshop.bare(script)
    end = (workshop.folder / "end.txt").read_text()
    (workshop.folder / "end.txt").unlink()
    done = workshop.record(script)
    assert done.code == bare.code == 5
    assert (workshop.folder / "mine.txt").read_text() == "all mine"
    assert (workshop.folder / "end.txt").read_text() == end
    assert len(done.samples) == 60


def test_children(both):
    """Forked ones that train and print, spawned ones, an interpreter of its own."""
    done = both(
        TRAIN
        + """
def work(x):
    train(3)
    return x * x

if __name__ == "__main__":
    train(5)
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        train(30, print)
        sys.stdout.flush()
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    if (child := os.fork()) == 0:
        sys.exit(8)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(work, [1, 2]))
    code = "import sys, os; print('bptui' in sys.modules, [k for k in os.environ if 'BPTUI' in k], sys.path)"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
    thread = threading.Thread(target=train, args=(10,)); thread.start(); thread.join()
    train(5)
""",
        same_stderr=False,
    )
    assert len(done.samples) == 10


def test_a_daemon_does_not_outlive_the_session(workshop):
    script = workshop.write("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\n")
    assert workshop.record(script).code == 0


def test_a_sitecustomize_of_its_own(workshop):
    workshop.write("print('mine is run'); import os; os.environ['MINE'] = 'yes'", "site/sitecustomize.py")
    script = workshop.write(
        "import os, sys; print(os.environ['MINE'], os.environ['PYTHONPATH'], sys.modules.get('sitecustomize'))"
    )
    environment = workshop.environment
    path = f"{workshop.folder / 'site'}:{environment['PYTHONPATH']}"
    bare = workshop.bare(script, PYTHONPATH=path)
    done = workshop.record(script, PYTHONPATH=path)
    assert bare.stdout.startswith("mine is run\nyes")
    assert done.stdout == "mine is run\n" + bare.stdout  # bptui itself runs it, too


def test_input_from_a_pipe(workshop):
    script = workshop.write("print('you said', input())")
    source = workshop.write("hello\n", "input.txt")
    with Path(source).open() as file:
        assert workshop.record(script, stdin=file).stdout == "you said hello\n"


async def test_samples_before_an_input_are_there_while_it_waits(workshop):
    async with workshop.session(workshop.write(TRAIN + "train(5); input(); train(1)")) as stepped:
        await stepped.session.obey(Step("run"))
        await stepped.until(lambda: stepped.status.steps == 5 and stepped.status.waits_for_input)


async def test_input_that_nobody_types_does_not_keep_us_from_quitting(workshop):
    async with workshop.session(workshop.write("input()")) as stepped:
        await stepped.session.obey(Step("run"))
        await stepped.until(lambda: stepped.status.state == "running")


def test_a_bug_of_ours_ends_the_listening_not_the_training(workshop):
    source = (
        TRAIN
        + """
if "bptui.debuggee.hooks" in sys.modules:
    import bptui.debuggee.parameters
    count = 0
    def fail(self):
        global count
        count += 1
        if count == 6:
            raise OSError("a bug")
    bptui.debuggee.parameters.Parameters.note_grads = fail
train(10)
print(weight.item().hex())
"""
    )
    script = workshop.write(source)
    done = workshop.record(script)
    assert (done.code, done.stdout, done.stderr) == (0, workshop.said(script), "")
    assert len(done.samples) == 5
    assert "a bug" in done.reader.facts()["trouble"]


def test_a_hook_of_its_own_that_raises(both):
    """In forward, in the engine, at the leaf: caught, it goes on; not caught, it is the script's error."""
    done = both(
        TRAIN
        + """
def fail(*_):
    raise KeyError("in a hook")

layer = torch.nn.Linear(1, 1)
for register in (layer.register_forward_hook, layer.register_full_backward_hook, layer.weight.register_hook):
    handle = register(fail)
    try:
        layer(torch.ones(1, 1, requires_grad=True)).sum().backward()
    except KeyError as error:
        print("caught", error)
    handle.remove()
    train(5)
layer.weight.register_hook(fail)
layer(torch.ones(1, 1)).sum().backward()
"""
    )
    assert done.stdout.count("caught") == 3
    assert len(done.samples) >= 15
    assert done.code == 1
    assert "in a hook" in done.branch.detail and "in fail" in done.branch.detail
    assert "bptui/" not in done.branch.detail


ODD = """
import warnings
warnings.simplefilter("ignore")
import torch
from torch import nn

class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.plain = nn.Parameter(torch.ones(3))
        self.small = nn.Parameter(torch.ones(3).to(torch.float8_e4m3fn))
        self.nan = nn.Parameter(torch.tensor([float("nan"), 1.0]))
        self.empty = nn.Parameter(torch.zeros(0, 3))
        self.codes = nn.Parameter(torch.ones(3, dtype=torch.int8), requires_grad=False)
        self.lazy = nn.LazyLinear(2)
        self.quantised = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
        self.register_buffer("ghost", torch.ones(2, device="meta"))

    def forward(self, x):
        weight = self.plain + self.small.float() + self.codes * 0.1 + self.quantised.dequantize()
        return (weight * x).sum() + self.empty.sum() + self.nan.nan_to_num().sum() + self.lazy(x[None]).sum()

torch.manual_seed(0)
model = Odd()
model(torch.ones(3))
weights = [p for p in model.parameters() if p.requires_grad]
for i in range(6):
    loss = model(torch.ones(3) * i)
    loss.backward()
    with torch.no_grad():
        for param in weights:
            param.copy_((param.float() - 0.01 * param.grad.float()).to(param.dtype))
            param.grad = None
    print(loss.item().hex())

ghost = nn.Linear(2, 2, device="meta")
opt = torch.optim.SGD(ghost.parameters(), 0.1)
for i in range(3):
    ghost(torch.ones(1, 2, device="meta")).sum().backward()
    opt.step()
print(ghost.weight.grad.shape)
"""


async def test_float8_quantised_int8_lazy_and_meta(workshop):
    script = workshop.write(ODD)
    said = workshop.said(script)
    async with workshop.session(script) as stepped:
        while stepped.status.state == "paused":
            await stepped.step(1)
        done = stepped.done()
    assert (done.code, done.stdout) == (0, said)
    assert "trouble" not in done.reader.facts()
    assert len(done.samples) == 9
    assert all(done.reader.graph(0, step) for step in range(9))


def test_it_closes_even_its_terminal(workshop):
    """As a daemon does; and /dev/tty is there to be opened again."""
    script = workshop.write(
        TRAIN
        + """
train(5)
os.closerange(0, 1000)
open("mine.txt", "w").write("all mine")
time.sleep(0.2)
train(5)
sys.exit(6)
"""
    )
    assert workshop.record(script).code == 6
    assert (workshop.folder / "mine.txt").read_text() == "all mine"


def test_it_becomes_another_program(workshop):
    script = workshop.write(TRAIN + "train(5)\nos.execv('/bin/sh', ['sh', '-c', 'echo new; exit 9'])")
    done = workshop.record(script)
    assert (done.code, done.stdout) == (9, "new\n")


def test_workers_of_a_loader_from_a_fork_server(workshop):
    """They import the script anew, and train in it: none of it is taken for the script's own."""
    script = workshop.write(
        TRAIN
        + """
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        train(2)
        return torch.tensor(float(i))

if __name__ == "__main__":
    for x in torch.utils.data.DataLoader(Data(), num_workers=1, multiprocessing_context="forkserver"):
        (weight * x).sum().backward()
        print(weight.grad.item())
"""
    )
    done = workshop.record(script)
    assert (done.code, done.stdout, done.stderr) == (0, "0.0\n1.0\n3.0\n6.0\n", "")
    assert len(done.samples) == 4
