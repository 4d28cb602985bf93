"""A function's parameters as command-line options."""

from typing import Union

import pytest

from bptui.debuggee.options import read_options
from bptui.debuggee.refusal import Refusal


def loop(lr: float = 0.01, epochs: int = 100, name: str = "a", zero_grad: bool = True, momentum=0.9):
    """Learn.

    100% of it.
    """


def read(function, *arguments):
    return read_options("x.py:loop", function, arguments)


def refusal(function, *arguments) -> str:
    with pytest.raises(Refusal) as refused:
        read(function, *arguments)
    return str(refused.value)


def test_defaults():
    assert read(loop) == {"lr": 0.01, "epochs": 100, "name": "a", "zero_grad": True, "momentum": 0.9}


def test_each_kind():
    given = read(loop, "--lr", "1e-3", "--epochs=5", "--name", "∂ x", "--no-zero-grad", "--momentum", "0")
    assert given == {"lr": 0.001, "epochs": 5, "name": "∂ x", "zero_grad": False, "momentum": 0.0}
    assert type(given["momentum"]) is float


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--lrr", "1"], "unrecognized arguments: --lrr 1"),
        (["0.1"], "unrecognized arguments: 0.1"),
        (["--lr"], "argument --lr: expected one argument"),
        (["--lr", "fast"], "argument --lr: invalid float value: 'fast'"),
        (["--epochs", "1.5"], "argument --epochs: invalid int value: '1.5'"),
    ],
)
def test_what_is_wrong_is_a_line_that_says_where_the_options_are(arguments, line):
    assert refusal(loop, *arguments) == f"x.py:loop: {line} (bptui run x.py:loop --help lists the options)"


def test_help_says_what_the_loop_says_and_its_defaults():
    with pytest.raises(Refusal) as refused:
        read(loop, "--help")
    assert refused.value.code == 0
    for part in ("Learn.", "100% of it.", "--lr LR", "default 0.01", "--zero-grad, --no-zero-grad"):
        assert part in str(refused.value)


def test_optional_missing_and_odd_annotations():
    def odd(a: int | None = None, b: Union[float, None] = None, c=None, d: "list[int]" = (), e="50%", help=1):  # noqa: A002, UP007
        """Nothing."""

    assert read(odd) == {"a": None, "b": None, "c": None, "d": (), "e": "50%", "help": 1}
    assert read(odd, "--a", "1", "--b", "2", "--c", "3", "--help", "4") == {
        "a": 1, "b": 2.0, "c": "3", "d": (), "e": "50%", "help": 4,
    }  # fmt: skip
    assert "e E" in refusal(odd, "-h") and "50%" in refusal(odd, "-h")


def test_an_annotation_that_only_a_type_checker_knows():
    def typed(model: "NotImported", lr: "float" = 1, flag: "bool" = False):  # noqa: F821
        """Nothing."""

    assert read(typed, "--model", "a", "--lr", "0.5", "--flag") == {"model": "a", "lr": 0.5, "flag": True}


def test_a_parameter_without_default_is_required():
    def needy(path: str, deep: bool):
        """Nothing."""

    assert "the following arguments are required: --path, --deep/--no-deep" in refusal(needy)
    assert read(needy, "--path", "x", "--no-deep") == {"path": "x", "deep": False}


def test_what_takes_everything_takes_no_option():
    def greedy(*args, lr=1.0, **kwargs):
        """Nothing."""

    assert read(greedy) == {"lr": 1.0}
    assert "unrecognized" in refusal(greedy, "--other", "1")
