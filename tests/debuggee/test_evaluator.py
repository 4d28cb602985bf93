"""Values and exceptions as odd as Python allows: each is one line, and none gets out."""

import sys

import pytest
import torch

from bptui.debuggee.evaluator import TOO_LONG, Evaluator
from bptui.debuggee.quantities import Quantities

MUTE = "type('E', (Exception,), {'__str__': lambda s: 1 / 0})"
RAISE = "(_ for _ in ()).throw({})"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (RAISE.format(MUTE), "it raised an exception that can not be shown"),
        (RAISE.format("ValueError(chr(0xd800))"), "ValueError: \\ud800"),
        (RAISE.format("KeyboardInterrupt"), "KeyboardInterrupt"),
        ("type('A', (), {'__repr__': lambda s: 3})()", "TypeError: __repr__ returned non-string (type int)"),
        ("await x", "'await' outside function\nawait x\n^"),
        ("", "invalid syntax\n\n^"),
    ],
)  # fmt: skip
def test_what_raises_is_one_problem(text, problem):
    assert Evaluator(list, Quantities()).value(text).problem == problem


def test_values_that_are_no_ordinary_ones_are_shown_all_the_same():
    lazy = torch.nn.LazyLinear(2).weight
    frame = sys._getframe()
    evaluator = Evaluator(lambda: [frame], Quantities())
    assert evaluator.value("torch.Tensor").text == "<class 'torch.Tensor'>"
    assert evaluator.value("lazy").text == repr(lazy)
    assert evaluator.value("type('A', (), {'__repr__': lambda s: chr(0xd800)})()").text == "\\ud800"
    assert evaluator.value("type('A', (), {'numel': 3, 'shape': property(lambda s: 1 / 0)})()").problem == ""
    assert evaluator.value("torch.tensor([[2.5]])").number == 2.5


def test_what_does_not_end_ends_at_its_limit():
    evaluator = Evaluator(list, Quantities())
    assert evaluator.value("[0 for _ in iter(int, 1)]", limit=0.05).problem == TOO_LONG
    assert evaluator.value("1 + 1", limit=0.05).number == 2
