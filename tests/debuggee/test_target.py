"""What may stand on the command line, and what is said of what may not."""

import sys
import textwrap

import pytest

from bptui.debuggee.refusal import Refusal
from bptui.debuggee.target import load

LOOP = "def loop(lr: float = 0.1):\n    '''Learn nothing.\n\n    At all.'''\n    yield lr\n"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project as the current directory; what is imported from it is forgotten again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = dict(sys.modules)
    yield tmp_path
    sys.modules.clear()
    sys.modules.update(before)


@pytest.fixture
def write(project):
    def write(name, source):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(textwrap.dedent(source))

    return write


def refusal(name, *arguments) -> Refusal:
    with pytest.raises(Refusal) as refused:
        load(name, arguments)
    assert "\n" not in str(refused.value)
    assert refused.value.code == 2
    return refused.value


def test_a_function_of_a_file(write, project):
    write("my loops.py", "import sys\n" + LOOP)
    loop = load("my loops.py:loop", ["--lr", "0.5"])
    assert list(loop.generator) == [0.5]
    assert loop.source == (project / "my loops.py").read_text()
    target = loop.target
    assert (target.name, target.title, target.line) == ("my loops.py:loop", "Learn nothing", 2)
    assert target.path == str(project / "my loops.py")
    assert target.options == {"lr": "0.5"}
    assert target.python.count(".") == 2 and target.torch


def test_a_file_imports_its_neighbours_from_anywhere(write, project, monkeypatch):
    write("deep/helper.py", "NUMBER = 7\n")
    write("deep/loops.py", "from helper import NUMBER\ndef loop():\n    yield NUMBER\n")
    monkeypatch.chdir("/")
    assert list(load(f"{project}/deep/loops.py:loop", []).generator) == [7]


def test_a_file_with_the_name_of_a_module_of_ours_hides_nothing(write):
    import random

    write(
        "random.py",
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\ndef loop():\n    yield A(1).x\n",
    )
    assert list(load("random.py:loop", []).generator) == [1]
    assert sys.modules["random"] is random


def test_a_function_of_a_module(write):
    write("package/__init__.py", "")
    write("package/module.py", LOOP)
    assert load("package.module:loop", []).target.title == "Learn nothing"


def test_a_lesson():
    assert next(load("linear", ["--initial-weight", "2"]).generator).weight == 2.0


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("lineer", "no such target 'lineer': give a lesson (bptui lessons lists them) or file.py:function"),
        ("", "no such target ''"),
        (":loop", "no such target ':loop'"),
        ("loops.py", "no such target 'loops.py'"),
        ("gone.py:loop", "no such file: gone.py"),
        ("gone:loop", "no module named 'gone' (looked in "),
        ("os.gone:loop", "no module named 'os.gone'"),
        ("..x:loop", "..x does not import: TypeError: "),
        ("loops.py:lop", "loops.py has no function 'lop'; did you mean 'loop'?"),
        ("loops.py:", "loops.py has no function ''; did you mean 'loop'?"),
        ("loops.py:plain", "loops.py:plain is no generator function"),
        ("loops.py:number", "loops.py:number is no generator function"),
        ("loops.py:later", "loops.py:later is no generator function"),
        ("loops.py:wrapped", "loops.py:wrapped returned a list, not a generator"),
        ("empty.py:loop", "empty.py has no function 'loop', and no generator function either"),
    ],
)
def test_what_is_no_target_is_a_line(write, name, line):
    write("empty.py", "")
    write(
        "loops.py",
        LOOP
        + """
number = 3
def plain(): return 1
async def later(): yield 1
import functools
def listed(function):
    return functools.wraps(function)(lambda: list(function()))
@listed
def wrapped(): yield 1
""",
    )
    assert str(refusal(name)).startswith(line)


def test_a_module_that_does_not_import_shows_its_own_traceback_only(write, project):
    write("bad.py", "import helper\n")
    write("helper.py", "def fail():\n    return {}['key']\n\nfail()\n")
    refused = refusal("bad.py:loop")
    assert str(refused) == "bad.py does not import: KeyError: 'key' (helper.py:2)"
    frames = [line for line in refused.traceback.splitlines() if line.lstrip().startswith("File ")]
    assert frames[0].startswith(f'  File "{project}/bad.py", line 1') and frames[-1].endswith("line 2, in fail")
    assert "bptui/" not in refused.traceback


def test_a_syntax_error_names_its_line(write):
    write("bad.py", "x = 1\ndef loop(:\n    yield 1\n")
    refused = refusal("bad.py:loop")
    assert str(refused) == "bad.py does not import: SyntaxError: invalid syntax (bad.py, line 2)"
    assert "def loop(:" in refused.traceback and "bptui/" not in refused.traceback


@pytest.mark.parametrize("target", ["bad.py:loop", "bad:loop"])
def test_a_module_that_is_missing_elsewhere_is_not_mistaken_for_the_target(write, target):
    write("bad.py", "import not_installed\n")
    refused = refusal(target)
    assert "does not import: ModuleNotFoundError: No module named 'not_installed' (bad.py:1)" in str(refused)


@pytest.mark.parametrize("statement", ["import sys; sys.exit(0)", "raise KeyboardInterrupt", "raise SystemExit"])
def test_a_module_that_ends_while_importing(write, statement):
    write("bad.py", statement)
    assert "bad.py does not import: " in str(refusal("bad.py:loop"))


def test_a_file_that_is_no_text(write, project):
    (project / "bad.py").write_bytes(b"\xff\0\xfe")
    assert "bad.py does not import: " in str(refusal("bad.py:loop"))


def test_a_loop_made_by_exec_has_no_source(write):
    write("made.py", "exec('def loop():\\n    yield 1')\n")
    loop = load("made.py:loop", [])
    assert loop.source == "" and list(loop.generator) == [1]


def test_a_decorated_loop_has_the_source_of_the_loop(write):
    write(
        "loops.py",
        """
        import functools
        def noisy(function):
            @functools.wraps(function)
            def call(*args, **kwargs):
                return function(*args, **kwargs)
            return call

        @noisy
        def loop(lr: float = 0.1):
            yield lr
        partial = functools.partial(loop, lr=3.0)
        """,
    )
    assert load("loops.py:loop", []).target.line == 9
    assert list(load("loops.py:loop", ["--lr=2"]).generator) == [2.0]
