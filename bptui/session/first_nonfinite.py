"""A breakpoint on a number that is not finite: from its hit it goes back to the op that made the first one."""

from __future__ import annotations

import dataclasses

from bptui.protocol import Stopped
from bptui.records import FIRST
from bptui.session.board import Board
from bptui.session.travels import Travels


class FirstNonfinite:
    """Looks for it once for each hit.

    Attributes:
        is_stepping: Whether it goes where nobody knows beforehand; one that travels stops for what it was sent to.
    """

    def __init__(self, travels: Travels, board: Board, can_reverse: bool) -> None:
        """Look for nothing yet.

        Args:
            travels: Goes there.
            board: Knows the breakpoints, and whether there is a way back.
            can_reverse: Whether copies of the training are made.
        """
        self._travels, self._board, self._can_reverse = travels, board, can_reverse
        self.is_stepping = False
        self._hit: Stopped | None = None
        self._found_in = -1  # after so many samples, inside the next one, it stands or stood there

    def is_wanted(self, event: Stopped, is_amid: bool) -> bool:
        """Whether it stops for a number that is not finite, and can return to the op that made it."""
        status = self._board.status
        is_asked = any(each.id in event.hit and each.looks_back for each in status.breakpoints)
        is_known = self._found_in == event.steps - 1
        can_return = self._can_reverse and not status.no_return
        return is_asked and can_return and self.is_stepping and not (is_amid or is_known)

    async def look_back(self, event: Stopped) -> str:
        """Go to the op, node or update that was the first to give something not finite; else one line why not."""
        self._hit, self.is_stepping = event, False
        self._board.change(detail="back to where it was first not finite")
        if problem := await self._travels.to_nonfinite():
            self._hit = None
        return problem

    def abandon(self) -> None:
        """The stop that comes is for something else."""
        self._hit = None

    def forget(self) -> None:
        """The run begins anew."""
        self._found_in = -1

    def stopped(self, event: Stopped, is_amid: bool) -> Stopped:
        """The stop, which is for the hit that was looked back from, if it is one for that."""
        hit, self._hit = self._hit, None
        if is_amid and event.reason.startswith(FIRST):
            self._found_in = event.steps
            return dataclasses.replace(event, hit=hit.hit) if hit is not None else event
        if not is_amid or event.steps != self._found_in:
            self._found_in = -1
        return event
