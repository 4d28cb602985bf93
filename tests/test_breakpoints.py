"""How breakpoints are written."""

import pytest

from bptui.breakpoints import KINDS, parse_breakpoint, sample_index
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
