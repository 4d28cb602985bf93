"""Which epoch is a sample of, and which of its samples is it?"""

from __future__ import annotations

from bptui.debuggee.samples import LARGEST_COUNT
from bptui.debuggee.user_loops import Loops


class EpochCounter:
    """Numbers samples within epochs.

    An epoch is an iteration of the second loop around the backward pass. Its number is the loop's variable if that
    is a whole number; else the runs of the samples' loop are counted.
    """

    def __init__(self) -> None:
        self._runs = 0
        self._seen: tuple[object, int | None] = (None, None)
        self._key: object = self
        self._epoch = -1
        self._index = 0

    def see(self, loops: Loops) -> bool:
        """Look at the loops around a backward pass; says whether the epoch's loop counts by itself."""
        if len(loops) < 2:
            self._seen = None, None
            return True
        frame, loop = loops[1]
        value = frame.f_locals.get(loop.target) if loop.target else None
        if type(value) is int and 0 <= value < LARGEST_COUNT:
            self._seen = (loop, value), value
            return True
        self._seen = (loop, self._runs), None
        return False

    def leave(self) -> None:
        """The samples' loop was left."""
        self._runs += 1

    def place(self) -> tuple[int, int]:
        """(epoch, index) of the sample that was seen last."""
        key, number = self._seen
        if key != self._key:
            self._key, self._index = key, 0
            self._epoch = self._epoch + 1 if number is None else number
        else:
            self._index += 1
        return self._epoch, self._index
