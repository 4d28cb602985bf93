"""What the command line makes of its arguments, without starting anything."""

import subprocess
import sys
from pathlib import Path

import pytest

from bptui import cli
from bptui.records import OVERHEAD

DEFAULTS = {
    "is_module": False,
    "python": "",
    "keep_compile": False,
    "sample_at": "",
    "epoch_length": 0,
    "overhead": OVERHEAD,
    "breakpoints": (),
    "trace_from": 0,
    "keeps": True,
    "reverse": True,
    "threads": 1,
    "checkpoint_memory": 0,
}


@pytest.fixture
def ran(monkeypatch):
    """What `bptui run` and `bptui record` would have run."""
    seen = []
    monkeypatch.setattr("bptui.commands.run.session_options", lambda *asked, **how: (asked, how))
    monkeypatch.setattr("bptui.commands.run.run", lambda options, theme: seen.append((*options(), theme)) or 0)
    return seen


@pytest.mark.parametrize(
    ("arguments", "target", "own", "record", "theme"),
    [
        ("", "linear", (), None, ""),
        ("run", "linear", (), None, ""),
        ("run linear", "linear", (), None, ""),
        ("--lr 0.02 --no-zero-grad", "linear", ("--lr", "0.02", "--no-zero-grad"), None, ""),
        ("run --lr=0.02", "linear", ("--lr=0.02",), None, ""),
        ("--theme light --lr 0.02", "linear", ("--lr", "0.02"), None, "light"),
        ("--record=x.bptui --epochs 3", "linear", ("--epochs", "3"), "x.bptui", ""),
        ("--record x.bptui", "linear", (), "x.bptui", ""),
        ("--record x.bptui linear --theme dark", "linear", ("--theme", "dark"), "x.bptui", ""),
        ("run a.py:f --record y", "a.py:f", ("--record", "y"), None, ""),
        ("linear --help", "linear", ("--help",), None, ""),
        ("a.b:f 1 -x -- --y", "a.b:f", ("1", "-x", "--", "--y"), None, ""),
    ],
)
def test_own_options_stand_before_the_target_its_own_after_it(ran, arguments, target, own, record, theme) -> None:
    assert cli.main(arguments.split()) == 0
    assert ran == [((target, own, Path(record) if record else None, None), DEFAULTS, theme)]


@pytest.mark.parametrize("arguments", ["run -m a.b --keep-compile", "-m a.b --keep-compile"])
def test_a_module_is_a_target(ran, arguments: str) -> None:
    assert cli.main(arguments.split()) == 0
    assert ran == [(("a.b", ("--keep-compile",), None, None), DEFAULTS | {"is_module": True}, "")]


def test_another_interpreter(ran) -> None:
    assert cli.main(["--python", "/x/python", "--keep-compile", "train.py", "--python", "y"]) == 0
    how = DEFAULTS | {"python": "/x/python", "keep_compile": True}
    assert ran == [(("train.py", ("--python", "y"), None, None), how, "")]


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "run --help", "record --help", "export --help", "lessons -h"]
)
def test_help(ran, capsys, arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments.split())
    assert ended.value.code == 0
    assert capsys.readouterr().out
    assert ran == []


@pytest.mark.parametrize("arguments", ["open", "record", "run --record", "export x", "export x --format xml -o y"])
def test_usage(capsys, arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments.split())
    assert ended.value.code == 2
    assert "usage: bptui" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("record nothing", "no such target 'nothing': give a lesson (bptui lessons lists them), file.py, "),
        ("record none.py:f", "no such file: none.py"),
        ("open none.bptui", "no such recording: none.bptui"),
        ("export none.bptui --format csv -o x", "no such recording: none.bptui"),
        ("run -o x.bptui train.py", "-o is an option of bptui record; of bptui run it is --record PATH"),
        ("--output=x.bptui train.py", "--output is an option of bptui record; of bptui run it is --record PATH"),
        ("attach", "the app needs a terminal"),
    ],
)
def test_bad_input_is_one_line_and_code_2(capsys, tmp_path, monkeypatch, arguments: str, line: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert cli.main(arguments.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"bptui: {line}")
    assert said.err.count("\n") == 1


def test_lessons_are_listed_without_torch() -> None:
    code = (
        "import sys; from bptui import cli; code = cli.main(['lessons']); sys.exit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[:2] == [
        "linear     Learn y = 3x from nine samples",
        "xor        Learn XOR with a hidden layer of four tanh",
    ]


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("5", 0.05), ("0", 0.0), ("100%", 1.0)])
def test_overhead_is_a_percentage(ran, text, share) -> None:
    assert cli.main(["--overhead", text, "train.py"]) == 0
    assert ran[0][1]["overhead"] == share


@pytest.mark.parametrize("text", ["x", "-1", "101", "nan", ""])
def test_what_is_no_percentage_is_refused(ran, text, capsys) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", f"--overhead={text}", "train.py"])
    assert "invalid percentage value" in capsys.readouterr().err
