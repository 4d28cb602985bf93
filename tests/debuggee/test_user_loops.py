"""Whose loop is it that stands around a call?"""

import sys
import sysconfig
from pathlib import Path

import pytest

from bptui.debuggee.user_loops import look_around

TRAINER = """
def fit(step):
    for batch in range(3):
        step()

def fit_by_map(step):
    list(map(lambda batch: step(), range(3)))

def call(step):
    step()
    for batch in range(3):
        pass
"""


@pytest.fixture
def trainer():
    """An installed package."""
    path = Path(sysconfig.get_paths()["purelib"]) / "some_trainer" / "loops.py"
    names = {}
    exec(compile(TRAINER, path, "exec"), names)
    return names


def folds(run):
    """Runs a training in each iteration; gives what stands around its first step."""
    seen = []
    for _fold in range(2):
        run(lambda: seen.append(look_around(sys._getframe())))
    return seen[0]


def test_a_loop_around_a_trainers_loop_makes_no_samples(trainer):
    around = folds(trainer["fit"])
    assert (around.loops, around.site.trainer) == ([], "some_trainer")
    assert [loop.target for _, loop in around.beyond] == ["_fold"]


@pytest.mark.parametrize("name", ["fit_by_map", "call"])
def test_a_package_without_a_loop_of_its_own_is_passed_by(trainer, name):
    around = folds(trainer[name])
    assert [loop.target for _, loop in around.loops] == ["_fold"]
    assert (around.beyond, around.site.trainer) == ([], "")


def test_a_loop_of_ones_own_inside_a_trainers(trainer):
    seen = []

    def step():
        for _chunk in range(2):
            seen.append(look_around(sys._getframe()))  # noqa: PERF401

    trainer["fit"](step)
    assert [loop.target for _, loop in seen[0].loops] == ["_chunk"]
    assert seen[0].site.trainer == ""
