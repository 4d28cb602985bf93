"""What keys do that go back in time, or look back where that is not possible."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import App

from bptui.app.count import Count
from bptui.app.messages import BranchChosen, BranchCompared
from bptui.app.outcome import Outcome
from bptui.app.screens.goto import Goto
from bptui.app.view import View
from bptui.goals import Goal, epoch_start, find
from bptui.protocol import Back, Command, Step, Travel
from bptui.recording.reader import Reader


class Travelling(App[Outcome]):
    """The actions of an app that has a view, and a session to send commands to."""

    _view: View
    _count: Count
    _reader: Reader | None
    _shown: tuple[int, int] | None

    def _send(self, command: Command) -> None:
        raise NotImplementedError

    def _look(self) -> None:
        raise NotImplementedError

    def action_step_back(self) -> None:
        """After so many samples less; within a sample, first to its beginning."""
        count, view = self._count.take(), self._view
        if view.can_return and not view.looks_back:
            self._send(Back("sample", count))  # from where it will be by then
        else:
            self._return(view.step - count)

    def action_epoch_back(self) -> None:
        assert self._reader is not None
        view = self._view
        self._return(epoch_start(self._reader, view.branch, view.step, self._count.take()) - 1)

    def action_op_back(self) -> None:
        self._send(Back("op", self._count.take()))

    def action_phase_back(self) -> None:
        self._send(Back("phase", self._count.take()))

    def action_reverse(self) -> None:
        self._send(Back("hit"))

    def action_first_nan(self) -> None:
        self._send(Back("nonfinite"))

    def action_newest(self) -> None:
        if self._view.looks_back:
            self._shown = None
            self._look()
        else:
            self._send(Travel(self._view.status.recorded))

    def action_goto(self) -> None:
        self.push_screen(Goto(), self._go_to)

    def _go_to(self, goal: Goal | None) -> None:
        if goal is None or self._reader is None:
            return
        view = self._view
        known = max(view.steps, view.status.recorded if view.branch == view.status.branch else 0)
        step = find(self._reader, view.branch, known, goal)
        if isinstance(step, str):
            self.notify(step, severity="warning")
        elif step < known:
            self._return(step)
        elif view.is_paused:
            self._shown = None
            self._send(Step("sample", step - view.status.steps + 1))
        else:
            self.notify(f"there are {known} samples", severity="warning")

    @on(BranchCompared)
    def _compare(self, event: BranchCompared) -> None:
        self._view = replace(self._view, over=event.branch)
        self._look()

    @on(BranchChosen)
    def _go_to_branch(self, event: BranchChosen) -> None:
        """Stand at the end of a branch, or look at it where the training can not go there."""
        if self._view.can_return:
            self._shown = None
            self._send(Travel(event.steps, branch=event.branch))
        elif event.steps:
            self._shown = event.branch, event.steps - 1
            self._look()

    def _return(self, step: int) -> None:
        """Go to the end of a step of the branch shown, or, where the training can not, look at it."""
        view = self._view
        if view.can_return and view.branch == view.status.branch:
            self._shown = None
            self._send(Travel(max(0, step + 1)))
            return
        if view.commands and view.status.no_return and step != view.step:
            self.notify(f"looking back in the recording: {view.status.no_return}", markup=False)
        self._show_step(step)

    def _show_step(self, step: int) -> None:
        """Look at a step of the branch shown, as far as there are any."""
        view = self._view
        step = max(0, min(step, view.steps - 1))
        is_newest = view.branch == view.status.branch and step == view.steps - 1
        self._shown = None if is_newest else (view.branch, step)
        self._look()
