"""What runs beside the training: a copy that executes a recorded sample again, or copies that race."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence

from bptui.protocol import Message, Race, Stopped
from bptui.session.board import Board
from bptui.session.branches import Branches
from bptui.session.checkpoints import Checkpoints
from bptui.session.race import Race as Races
from bptui.session.recorder import Recorder
from bptui.session.tasks import Tasks
from bptui.session.ticker import Ticker
from bptui.session.travels import Travels
from bptui.session.zoom import Zoom


class Asides:
    """All of them; they end before another copy takes the training's place."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        travels: Travels,
        branches: Branches,
        recorder: Recorder,
        board: Board,
        ticker: Ticker,
        tasks: Tasks,
        stopped: Callable[[Stopped], None],
    ) -> None:
        """Have none.

        Args:
            checkpoints: The copies of the training.
            travels: Knows where the training stands, and the copy that leads to a sample.
            branches: Takes what has raced.
            recorder: Takes what was seen.
            board: Shows what is going on.
            ticker: Shows it while there is a race.
            tasks: Of which a race is one.
            stopped: Called when a race is over, with where the training has stood meanwhile.
        """
        self._travels, self._branches, self._recorder, self._board = travels, branches, recorder, board
        self._ticker, self._tasks, self._stopped = ticker, tasks, stopped
        self._zoom = Zoom(checkpoints, self._on_seen, self._on_looking)
        self._races = Races(checkpoints, self._on_looking)
        self._racing: asyncio.Task[None] | None = None

    @property
    def pids(self) -> set[int]:
        """Their processes."""
        return self._zoom.pids | self._races.pids

    def look_at(self, step: int) -> None:
        """Execute a recorded sample again beside the training, if a copy leads there."""
        checkpoint = self._travels.nearest(step) if 0 <= step < self._recorder.recorded else None
        if checkpoint is not None:
            self._zoom.begin(checkpoint, step)

    def look_no_more(self) -> None:
        """The training goes on, and nobody waits for what was looked at."""
        self._zoom.cancel()

    async def end_look(self) -> None:
        """The same, and wait until no copy is left that looks."""
        await self._zoom.stop()

    def race(self, command: Race) -> None:
        """Run copies beside each other, and write each as a branch."""
        self._racing = self._tasks.spawn(self._race(command))

    def cancel_race(self) -> bool:
        """Stop the race; whether there is one."""
        if self._racing is None or self._racing.done():
            return False
        self._racing.cancel()
        return True

    async def end(self) -> None:
        """End all of them, and wait for that."""
        await self._zoom.stop()
        if self._racing is not None:
            self._racing.cancel()
            await asyncio.wait([self._racing])

    async def _race(self, command: Race) -> None:
        at, branch = self._travels.at, self._branches.at_hand
        copy = self._travels.nearest(at.steps)
        if copy is None or not self._travels.is_between:
            why = "amid a sample" if copy is not None else "without a copy of the training"
            self._stopped(dataclasses.replace(at, reason=f"there is no race {why}"))
            return
        await self._zoom.stop()
        self._board.change(state="running", hit=(), detail="", pausing=False)
        self._ticker.on()
        said = [f"raced lr {', '.join(command.rates)}"]
        try:
            racers = await self._races.run(command, at.steps, lambda: self._travels.nearest(at.steps))
            said += [self._branches.add(each, branch, at.steps) for each in racers]
        except asyncio.CancelledError:
            self._on_looking("")
            said = ["the race was stopped"]
        self._stopped(dataclasses.replace(at, hit=(), reason="\n".join(said)))

    def _on_seen(self, step: int, seen: Sequence[Message], loss: float | None) -> None:
        if self._recorder.is_loss(step, loss):
            for each in seen:
                self._recorder.event(each)

    def _on_looking(self, what: str) -> None:
        self._board.change(zoom=what)
        self._board.show_soon()
