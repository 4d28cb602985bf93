"""Which lines are the user's?"""

import json
import sys
import sysconfig
from pathlib import Path

import pytest
import torch

import bptui.debuggee.run
from bptui.debuggee.places import describe, is_user, user_place, user_traceback


@pytest.mark.parametrize(
    ("path", "user"),
    [
        (__file__, True),
        ("/home/me/train.py", True),
        ("loops.py", True),
        (f"{Path(torch.__file__).parent}/_tensor.py", False),
        (f"{Path(torch.__file__).parent}/nn/modules/linear.py", False),
        (f"{Path(torch.__file__).parent}vision/models/resnet.py", True),
        (bptui.debuggee.run.__file__, False),
        (str(Path(bptui.debuggee.run.__file__).parents[1] / "loops" / "linear.py"), True),
        (json.__file__, False),
        (f"{sysconfig.get_paths()['stdlib']}/site-packages/mine/loop.py", True),
        ("<frozen importlib._bootstrap>", False),
        ("<string>", False),
    ],
)
def test_whose_a_file_is(path, user):
    assert is_user(path) is user


def test_the_place_is_the_innermost_line_of_the_users():
    def call(function):
        return function()

    place = json.loads("[0]", parse_int=lambda _: call(user_place))[0]
    assert place.path == __file__
    assert place.line == call.__code__.co_firstlineno + 1


def failing():
    return torch.ones(2) @ torch.ones(3)


def test_an_error_in_one_line_with_the_users_line():
    with pytest.raises(RuntimeError) as raised:
        failing()
    line = describe(raised.value)
    assert line.startswith("RuntimeError: ")
    assert line.endswith(f"(test_places.py:{failing.__code__.co_firstlineno + 1})")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("first\nsecond"), "ValueError: first"),
        (ValueError(), "ValueError"),
        (KeyError("a"), "KeyError: 'a'"),
        (ExceptionGroup("several", [ValueError(1)]), "ExceptionGroup: several (1 sub-exception)"),
    ],
)
def test_errors_that_were_never_raised(error, line):
    assert describe(error) == line


def test_a_traceback_begins_with_the_users_code():
    def ours():
        """Stands for a frame of ours, by its file."""

    exec(compile("def call(f): f()", bptui.debuggee.run.__file__, "exec"), names := {})
    with pytest.raises(RuntimeError) as raised:
        names["call"](failing)
    shown = user_traceback(raised.value.with_traceback(raised.value.__traceback__.tb_next))
    assert "run.py" not in shown and "in failing" in shown


def test_an_error_without_a_users_line_keeps_its_traceback():
    exec(compile("def call(): 1 / 0", bptui.debuggee.run.__file__, "exec"), names := {})
    try:
        names["call"]()
    except ZeroDivisionError as error:
        shown = user_traceback(error.with_traceback(error.__traceback__.tb_next))
        assert "in call" in shown
        assert sys.exc_info()[1] is error
