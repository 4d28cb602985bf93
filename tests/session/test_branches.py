"""Which branch is at hand, where each was forked, and what leads there."""

from types import SimpleNamespace

import pytest

from bptui.protocol import Status
from bptui.records import Edit
from bptui.session.board import Board
from bptui.session.branches import Branches
from bptui.session.checkpoints import Checkpoint, Checkpoints
from bptui.session.race import Racer
from bptui.session.recorder import Recorder


@pytest.fixture
def recorder(tmp_path):
    recorder = Recorder(tmp_path / "r.bptui")
    yield recorder
    recorder.close()


@pytest.fixture
def branches(recorder):
    checkpoints = Checkpoints(0, lambda: None)
    checkpoints.address = "somewhere"
    board = Board(Status("starting", 0, 0), recorder, lambda _: None, lambda: ((), 0))
    branches = Branches(recorder, checkpoints, board)
    branches.begin("start")
    return branches


def test_an_edit_forks_and_a_return_stands_on_the_parent(branches, recorder):
    recorder.seen = recorder.recorded = 3
    assert not branches.edited(Edit(3, "lr", "0.1", "0.2"))
    assert (branches.at_hand, branches.parent_of(1), branches.parent_of(0)) == (1, (0, 3), None)
    assert not branches.edited(Edit(3, "lr", "0.2", "0.3"))  # nothing has run on this one yet
    assert branches.at_hand == 1
    branches.return_to(Checkpoint(SimpleNamespace(), 1, 0, 2, 0))
    assert (branches.at_hand, recorder.branch, recorder.seen) == (0, 0, 2)


@pytest.mark.parametrize("what", ["edit", "reset", "race"])
def test_where_nothing_can_be_recorded_there_is_no_other_branch(branches, recorder, what):
    recorder.seen, recorder.trouble = 3, "the disk is full"
    if what == "edit":
        branches.edited(Edit(3, "lr", "0.1", "0.2"))
    elif what == "reset":
        branches.fork("reset")
    else:
        branches.add(Racer("0.1", samples=2), 0, 3)
    assert (branches.at_hand, branches.parent_of(0), branches.reachable) == (0, None, ())
