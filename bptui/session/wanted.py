"""What the user wants to be stopped for and to see: breakpoints and watches; kept for the next run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bptui.kept import Kept, save
from bptui.protocol import Breakpoints, Overhead, Watches
from bptui.records import Hits
from bptui.session.board import Board
from bptui.session.lifecycle import Lifecycle
from bptui.session.options import SessionOptions


class Wanted:
    """As it is on the board; the debuggee is told of it."""

    def __init__(self, options: SessionOptions, lifecycle: Lifecycle, board: Board) -> None:
        self._options, self._lifecycle, self._board = options, lifecycle, board

    def watch(self, command: Watches) -> None:
        """Watch these expressions from now on."""
        self._board.change(watches=command.expressions)
        self._keep_and_tell(command)

    def break_at(self, command: Breakpoints) -> None:
        """Have these breakpoints from now on; of those that are as they were the hits are known still."""
        status = self._board.status
        known = {(each.id, each.text) for each in status.breakpoints}
        same = {each.id for each in command.breakpoints if (each.id, each.text) in known}
        hits = tuple(each for each in status.hits if each.id in same)
        self._board.change(breakpoints=command.breakpoints, hits=hits)
        self._keep_and_tell(command)

    def note_hits(self, hits: Sequence[Hits]) -> None:
        """Breakpoints were hit."""
        known = {each.id: each for each in (*self._board.status.hits, *hits)}
        self._board.change(hits=tuple(known.values()))

    def drop_spent(self, hit: Sequence[int]) -> None:
        """Those that were made for one stop, and are hit, are no more."""
        breakpoints = self._board.status.breakpoints
        spent = [each for each in breakpoints if each.is_temporary and each.id in hit]
        if spent:
            self.break_at(Breakpoints(tuple(each for each in breakpoints if each not in spent)))

    def equip(self) -> None:
        """Tell a debuggee what the one before it was told; a copy has what there was when it was made."""
        self._lifecycle.send(Overhead(self._options.overhead, self._options.trace_from))
        self._lifecycle.send(Breakpoints(self._board.status.breakpoints))
        self._lifecycle.send(Watches(self._board.status.watches))

    def _keep_and_tell(self, command: Breakpoints | Watches) -> None:
        status = self._board.status
        if self._options.keep:
            kept = Kept(self._options.target, status.breakpoints, status.watches)
            save(Path(self._options.keep), kept)
        if self._lifecycle.debuggee is not None and status.state in ("paused", "running"):
            self._lifecycle.send(command)
        self._board.show()
