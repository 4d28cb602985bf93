"""While the training runs: commit what it has done twelve times a second, and see that a pause is obeyed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bptui.session.board import Board
from bptui.session.lifecycle import Lifecycle
from bptui.session.recorder import Recorder
from bptui.session.tasks import Tasks
from bptui.session.words import Rate

TICK = 0.08
"""Seconds between two commits while running: 12 a second look fluent, and 25 cost 300 kB/s over SSH."""

UNSEEN_TICK = 0.5
"""The same while nobody looks: where the training keeps every core busy, each waking of ours holds them all up."""

TICKS_TO_A_NUDGE = 3
"""Ticks that a pause waits for the sample's end: of the next one everything can be seen from its first op on."""


class Ticker:
    """Ticks from `on` to `off`."""

    def __init__(
        self, lifecycle: Lifecycle, board: Board, recorder: Recorder, tasks: Tasks, is_seen: Callable[[], bool]
    ) -> None:
        """Stand still.

        Args:
            lifecycle: Whose debuggee runs.
            board: Where the ticks show.
            recorder: Knows how many samples there are.
            tasks: Of which ticking is one.
            is_seen: Whether somebody looks at what is recorded.
        """
        self._lifecycle, self._board, self._recorder, self._tasks = lifecycle, board, recorder, tasks
        self._is_seen = is_seen
        self._rate = Rate()
        self._patience = 0
        self._ticking: asyncio.Task[None] | None = None

    def on(self) -> None:
        """Tick from now on."""
        self.off()
        self._ticking = self._tasks.spawn(self._tick())

    def off(self) -> None:
        """Tick no more."""
        if self._ticking is not None:
            self._ticking.cancel()

    def forget_rate(self) -> None:
        """The samples per second that come have nothing to do with those before."""
        self._rate = Rate()

    def expect_pause(self, at_once: bool) -> None:
        """A pause was asked for: have it obeyed, at once or if the sample does not end soon."""
        self._patience = 0 if at_once else TICKS_TO_A_NUDGE
        self._board.change(pausing=True)
        self._nudge()

    def _nudge(self) -> None:
        """Have a pause obeyed that can not wait for the sample's end; again if it came in our own code."""
        debuggee = self._lifecycle.debuggee
        if self._board.status.pausing and self._patience <= 0 and debuggee is not None:
            debuggee.nudge()
        self._patience -= 1

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK if self._is_seen() else UNSEEN_TICK)
            self._lifecycle.look()
            self._on_tick()

    def _on_tick(self) -> None:
        debuggee = self._lifecycle.debuggee
        rate = self._rate.update(self._recorder.seen)
        silence = self._rate.silence
        waits = debuggee is not None and silence > 0 and debuggee.waits_for_input()
        self._board.change(samples_per_second=rate, waits_for_input=waits)
        self._nudge()
        if self._board.is_stale:
            self._board.show()
