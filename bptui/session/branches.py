"""The branches of a session: which one is at hand, where each was forked, and what begins another."""

from __future__ import annotations

from bptui.protocol import Assign
from bptui.records import Edit
from bptui.session.board import Board
from bptui.session.checkpoints import Checkpoint, Checkpoints
from bptui.session.race import Racer
from bptui.session.recorder import Recorder


class Branches:
    """All that are recorded.

    Attributes:
        at_hand: The one on which the training stands.
        joins: The branch that the training becomes with what is set next, None if it begins another one.
    """

    def __init__(self, recorder: Recorder, checkpoints: Checkpoints, board: Board) -> None:
        """Know of the first one alone.

        Args:
            recorder: Writes them.
            checkpoints: The copies of the training, which are of the branch at hand when they come.
            board: Shows which one is at hand.
        """
        self._recorder, self._checkpoints, self._board = recorder, checkpoints, board
        self._forks: dict[int, tuple[int, int]] = {}
        self._raced: dict[int, Assign] = {}
        self.at_hand = 0
        self.joins: int | None = None

    def parent_of(self, branch: int) -> tuple[int, int] | None:
        """The branch from which another one was forked, and after how many of its samples."""
        return self._forks.get(branch)

    def raced(self, branch: int) -> Assign | None:
        """What is set where a branch of a race begins: no copy of the training waits there."""
        return self._raced.get(branch)

    @property
    def reachable(self) -> tuple[int, ...]:
        """After how many samples the copies stand that lead to where the branch is."""
        found: set[int] = set()
        found.update(self._checkpoints.steps(branch := self.at_hand))
        until = None
        while (fork := self.parent_of(branch)) is not None:
            branch, until = fork[0], fork[1] if until is None else min(until, fork[1])
            found.update(each for each in self._checkpoints.steps(branch) if each <= until)
        return tuple(sorted(found))

    def begin(self, reason: str) -> None:
        """Begin one that shares no sample with another."""
        self._recorder.begin_branch(reason)
        self._checkpoints.edits = 0
        self._stand_on(self._recorder.branch)

    def fork(self, reason: str) -> None:
        """Begin one where the training stands."""
        self._recorder.fork_branch(reason)
        self.follow()

    def follow(self) -> None:
        """Stand on the one that the recording has begun, if it has: what was run again may not be what it had."""
        if self._recorder.branch != self.at_hand:  # where nothing can be recorded any more, it has not
            self._forks[self._recorder.branch] = (self.at_hand, self._recorder.forked)
            self._stand_on(self._recorder.branch)

    def return_to(self, checkpoint: Checkpoint) -> None:
        """The training stands where a copy of it has waited."""
        self._checkpoints.edits = checkpoint.edits
        self._recorder.return_to(checkpoint.branch, checkpoint.steps)
        self._stand_on(checkpoint.branch)

    def edited(self, edit: Edit) -> bool:
        """Something was set by hand, so another run begins; whether it is one that is recorded, with this edit."""
        if not self._checkpoints.address:
            return False
        if self._joins():
            return True
        self._branch_off(edit)
        return False

    def add(self, racer: Racer, parent: int, steps: int) -> str:
        """Write what a copy has run in a race as a branch of its own; what came of it.

        Args:
            racer: The copy.
            parent: The branch on which the race began, and on which the training stands.
            steps: After how many of its samples.
        """
        name = f"lr = {racer.rate}"
        if not racer.samples:
            return f"{name}: {racer.problem}"
        self._recorder.fork_branch(name)
        if (branch := self._recorder.branch) == parent:
            return f"{name}: {self._recorder.trouble}"
        self._forks[branch], self._raced[branch] = (parent, steps), racer.assign
        for message in racer.seen:
            self._recorder.event(message)
        loss = self._recorder.last_loss
        self._recorder.state("paused", racer.problem, None)
        self._recorder.return_to(parent, steps)
        end = f"; {racer.problem}" * bool(racer.problem)
        return f"branch {branch}, {name}: {racer.samples:,} samples, loss {loss}{end}"

    def _joins(self) -> bool:
        """Whether what was set begins a branch that is recorded; then it stands there."""
        branch, self.joins = self.joins, None
        if branch is None:
            return False
        self._checkpoints.note_edit()
        self._recorder.return_to(branch, self._recorder.seen)
        self._stand_on(branch)
        return True

    def _branch_off(self, edit: Edit) -> None:
        """What is set by hand begins another run, unless the one at hand has begun here."""
        self._checkpoints.note_edit()
        if self._forks.get(self.at_hand, (0, -1))[1] == self._recorder.seen == self._recorder.recorded:
            return
        self.fork(f"{edit.what} = {edit.new}")

    def _stand_on(self, branch: int) -> None:
        self._checkpoints.begin_branch(branch)
        self.at_hand = branch
        self._board.change(branch=branch)
