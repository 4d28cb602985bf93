"""`--python PATH`: an environment that has torch, and nothing of ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bptui.protocol import Step

OURS = ("bptui", "textual", "rich", "__editable__")
SOURCE = """
import importlib.util, sys
import torch
weight = torch.ones(1, requires_grad=True)
for i in range(5):
    (weight * 2).sum().backward()
print(sys.executable, sys.prefix != sys.base_prefix, sys.path)
print([importlib.util.find_spec(name) for name in ("textual", "rich")])
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Its interpreter: torch and what it needs come by links, so that our own packages are not beside them."""
    folder = tmp_path_factory.mktemp("other")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    linked = folder / "linked"
    linked.mkdir()
    for path in Path(torch.__file__).parents[1].iterdir():
        if not path.name.startswith(OURS) and path.suffix != ".pth":
            (linked / path.name).symlink_to(path)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    (site / "torch.pth").write_text(str(linked))
    return str(folder / "venv" / "bin" / "python")


def test_a_script_there_is_as_without_us(workshop, other):
    script = workshop.write(SOURCE)
    bare = workshop._run(other, script, PYTHONPATH=os.devnull)
    done = workshop.record("--python", other, script, PYTHONPATH=os.devnull)
    assert (done.code, done.stdout, done.stderr) == (0, bare.stdout, bare.stderr)
    assert f"{other} True" in done.stdout
    assert "[None, None]" in done.stdout
    assert len(done.samples) == 5


def test_a_loop_there(workshop, other):
    workshop.write(
        "import importlib.util, sys\nfrom bptui import Sample\n"
        "def loop():\n    print(sys.executable, importlib.util.find_spec('textual'))\n"
        "    yield Sample(epoch=0, index=0, loss=1.0)\n"
    )
    done = workshop.record("--python", other, "train.py:loop", PYTHONPATH=os.devnull)
    assert (done.code, done.stdout) == (0, f"{other} None\n")
    assert len(done.samples) == 1


@pytest.mark.parametrize("target", ["train.py", "train.py:loop"])
def test_no_torch_there(workshop, tmp_path, target):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    workshop.write("import torch\ndef loop():\n    yield\n")
    done = workshop.record("--python", str(tmp_path / "bare" / "bin" / "python"), target, PYTHONPATH=os.devnull)
    assert done.code == (1 if target == "train.py" else 2)
    assert "No module named 'torch'" in done.stderr
    assert "bptui/" not in done.stderr


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("nowhere/python", "no such file: nowhere/python"),
        (".", ". is a directory; give its interpreter, as in bin/python"),
        ("text", "text can not be executed"),
        ("./false", "./false is no Python: asked for its version, it does not say it"),
        ("./old", "./old is Python 3.9; bptui needs 3.11 or newer"),
    ],
)
def test_what_is_no_interpreter_is_one_line(workshop, path, line):
    (workshop.folder / "text").touch()
    for name, does in (("false", "false"), ("old", "printf 3.9")):
        workshop.write(f"#!/bin/sh\n{does}\n", name)
        (workshop.folder / name).chmod(0o755)
    workshop.write("print('never')")
    done = workshop.record("--python", path, "train.py")
    assert (done.code, done.stdout, done.stderr) == (2, "", f"bptui: --python: {line}\n")


async def test_it_is_stepped(workshop, other):
    async with workshop.session(workshop.write(SOURCE), python=other) as stepped:
        await stepped.step(2)
        assert stepped.status.steps == 2
        assert stepped.done().reader.graph(0, 1)
        await stepped.session.obey(Step("run"))
        await stepped.wait("finished")
