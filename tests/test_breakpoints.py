"""How breakpoints are written."""

import pytest

from bptui.breakpoints import KINDS, parse_any, parse_breakpoint, sample_index, written
from bptui.errors import BptuiError


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("op conv2d", 'op == "conv2d"'),
        ("module blocks.*.attn if step > 3", '(matches(module, "blocks.*.attn")) and (step > 3)'),
        ("backward", 'phase == "backward"'),
        ("sample 20", "sample == 20"),
        ("epoch == 3", "epoch == 3"),
        ("norm", "norm(grad) > 10.0"),
        ("norm 0.5", "norm(grad) > 0.5"),
        ("spike", "loss > 3.0 * mean(loss, 10)"),
        ("if loss > 3", "loss > 3"),
        ("  loss   >  3 ", "loss > 3"),
    ],
)
def test_conditions(text, condition):
    assert parse_breakpoint(text).condition == condition


def test_lines(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("a = 1\nb = 2\n")
    found = parse_breakpoint(f"{path}:2 if loss > 3")
    assert (found.path, found.line, found.condition, found.each) == (str(path), 2, "loss > 3", True)
    assert parse_breakpoint("nowhere.py:7").path == "nowhere.py"


def test_a_path_may_hold_what_parts_a_condition(tmp_path):
    path = tmp_path / "what  if not" / "train.py"
    path.parent.mkdir()
    path.write_text("a = 1\nb = 2\n")
    for text, condition in ((f"{path}:2", ""), (f"{path}:2 if loss > 3", "loss > 3")):
        found = parse_breakpoint(text)
        assert (found.path, found.line, found.condition) == (str(path), 2, condition)


@pytest.mark.parametrize(
    "text",
    [
        "once nan",
        "op mul if step > 4",
        "log loss {loss} if step > 2",
        "train.py:2",
        "once train.py:2 if 7 // 2 > loss",
    ],
)
def test_what_is_written_anew_is_the_same(tmp_path, monkeypatch, text):
    (tmp_path / "train.py").write_text("a = 1\nb = 2\n")
    monkeypatch.chdir(tmp_path)
    found = parse_any(text, 7)
    monkeypatch.chdir("/")
    assert parse_any(written(found), 7) == found


def test_all_kinds_say_what_they_are():
    for name, kind in KINDS.items():
        example, _, help_ = kind.help.partition(": ")
        assert parse_breakpoint(example).condition
        assert example.split()[0] == name
        assert help_


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "there is no expression, in ''"),
        ("sample", "sample of what? sample 20: of every epoch"),
        ("42", "42 of what? sample 42, epoch 42, or FILE.py:42"),
        ("norm x", "not a number: 'x'"),
        ("nan 3", "nothing can follow nan: nan: first NaN or Inf in loss, gradients, parameters"),
        ("phase foo", "no phase is called 'foo': forward, backward or update"),
        ("lss > 3", "nothing is called 'lss'; did you mean 'loss'?, in 'lss > 3'"),
        ("train.py:3 if loss >", "invalid syntax, in 'loss >'"),
        ("conv2d", "no breakpoint is written 'conv2d'; an op is written op conv2d: "),
        ("train.py:0", "lines are counted from 1: train.py:0"),
        (f"train.py:{'9' * 5000}", "not a whole number: "),
        ("opp mul", "no breakpoint is written 'opp mul'; did you mean 'op'?: "),
    ],
)
def test_what_is_none(text, line):
    with pytest.raises(BptuiError) as caught:
        parse_breakpoint(text)
    assert str(caught.value).startswith(line)


def test_the_sample_of_every_epoch():
    assert sample_index(parse_breakpoint("sample 20")) == 19
    assert sample_index(parse_breakpoint("sample == 20")) is None
