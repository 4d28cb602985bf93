"""Which epoch is a sample of, and which of its samples is it?"""

from __future__ import annotations

import math
from types import FrameType
from typing import NamedTuple

from bptui.debuggee.epoch_variable import NAME, EpochVariable, as_epoch, find, find_length
from bptui.debuggee.loader_passes import LoaderPasses
from bptui.debuggee.loop_length import counts_from_zero, length_of
from bptui.debuggee.pending import Pending
from bptui.debuggee.user_loops import Around, Loops, Site

_NONE = "none found: no second loop, no variable called epoch, no DataLoader"


class _Source(NamedTuple):
    """What numbers the epochs of a place in the code.

    Attributes:
        variable: That does.
        length: Says how many batches a trainer takes in an epoch.
        is_fed: Whether batches come from a DataLoader.
    """

    variable: EpochVariable | None
    length: EpochVariable | None
    is_fed: bool


class Steady(NamedTuple):
    """An epoch whose samples are in no doubt.

    Attributes:
        variable: Of the loop of the epochs.
        number: Its value.
        samples: How many samples the epoch has.
    """

    variable: str
    number: int
    samples: int


class EpochCounter:
    """Numbers samples within epochs.

    An epoch is an iteration of the next loop of the user's around that of the samples, numbered by the loop's
    variable, else counted; else what an int called `epoch` says, a trainer's, too; else a pass over a DataLoader.

    Attributes:
        how: What they were found by: what says it, and the name of its variable.
        samples: How many samples the epoch has, None where nothing says it, or what said it was wrong once.
        epochs: How many epochs there are to be, None where nothing says it.
    """

    def __init__(self, passes: LoaderPasses, length: int = 0) -> None:
        """Count epochs.

        Args:
            passes: Those over DataLoaders.
            length: How many samples an epoch has, 0 if the user does not say so.
        """
        self.how: tuple[object, str] = ("", "")
        self.samples: int | None = length or None
        self.epochs: int | None = None
        self._passes = passes
        self._length = length
        self._runs = 0
        self._sources: dict[Site, _Source] = {}
        self._site: Site | None = None
        self._outer: int | None = None
        self._taken = 0
        self._seen: tuple[object, int | None] = (None, None)
        self._key: object = self
        self._epoch = -1
        self._index = -1
        self._measure: object = None
        self._batches = 0
        self._limit: int | None = None
        self._wrong: set[object] = set()

    def see(self, around: Around, frame: FrameType) -> bool:
        """Look at what stands around a backward pass; says whether the epochs are numbered without `leave`."""
        if around.site is not self._site:
            self._site, self._outer = around.site, _epoch_loop(around.loops)
        if self._length:
            self.how = f"every {self._length} samples, set by you", ""
        elif self._outer is not None:
            return self._see_loop(around.loops, self._outer)
        else:
            self._see_source(around, frame)
        return True

    def in_words(self) -> str:
        """What the epochs were found by."""
        what, variable = self.how
        return f"{what}, variable {variable}" if variable else str(what)

    def leave(self) -> None:
        """The samples' loop was left."""
        self._runs += 1

    def place(self, pending: Pending) -> tuple[int, int]:
        """(epoch, index) of a sample that is complete, whose backward pass was the last to be seen."""
        self._index += 1
        if self._length:
            return divmod(self._index, self._length)
        key, number = self._seen
        if key != self._key:
            self._distrust(self._index)
            self._key, self._index = key, 0
            self._epoch = self._epoch + 1 if number is None else number
            self._look_ahead(pending, number is not None)
        elif self._index == self.samples:
            self._distrust(self._index + 1)
        return self._epoch, self._index

    def steady(self) -> Steady | None:
        """The epoch at hand, if a loop numbers it, and its samples are the iterations of the loop inside."""
        number, (_, variable) = self._seen[1], self.how
        if self._length or self._outer != 1 or not variable or number is None or self.samples is None:
            return None
        return Steady(variable, number, self.samples)

    def skip(self, count: int) -> None:
        """So many more samples of the epoch at hand have been placed."""
        self._index += count

    def turn(self, around: Around) -> Steady | None:
        """All samples of a steady epoch have been placed; the one that begins now, if that is steady, too."""
        frame, inner = around.loops[0]
        self._see_loop(around.loops, 1)
        key, number = self._seen
        if number != self._epoch + 1 or length_of(inner.over, frame) != self.samples:
            return None
        self._key, self._epoch, self._index = key, number, -1
        return self.steady()

    def _look_ahead(self, pending: Pending, is_numbered: bool) -> None:
        """See how long this epoch is going to be."""
        site, loops, at = pending.around.site, pending.around.loops, self._outer
        if not loops and pending.at == "update" and self._takes_batches(pending.backwards):
            batches = self._limit or self._passes.length()
            self._measure, samples = self._passes, batches and math.ceil(batches / pending.backwards)
        elif at == 1 and pending.at == "loop" and loops[0][1].is_always_at(site.loop_line):
            self._measure, samples = loops[0][1], length_of(loops[0][1].over, loops[0][0])
        else:
            self._measure, samples = None, None
        self.samples = None if self._measure in self._wrong else samples or None
        self.epochs = None
        if at is not None and is_numbered and counts_from_zero(loops[at][1].over):
            self.epochs = length_of(loops[at][1].over, loops[at][0])

    def _takes_batches(self, count: int) -> bool:
        """Whether a sample takes so many batches: a trainer may have taken the next one, too, by then."""
        if not self._batches and self._passes.taken in (count, count + 1):
            self._batches = count
        return count == self._batches

    def _distrust(self, samples: int) -> None:
        """The epoch has turned out to have so many samples, or more."""
        if self.samples is not None and samples != self.samples:
            self._wrong.add(self._measure)
            self.samples = None

    def _see_loop(self, loops: Loops, at: int) -> bool:
        frame, loop = loops[at]
        name = loop.target or NAME
        number = as_epoch(frame.f_locals.get(name))
        count = self._runs if number is None else number
        self.how = loop, "" if number is None else name
        self._seen = (loop, count, *counters(loops[at + 1 :])), number
        return number is not None

    def _see_source(self, around: Around, frame: FrameType) -> None:
        """Look for what numbers the epochs of this place in the code, where no loop does."""
        taken = self._passes.taken
        if around.site not in self._sources:
            length = find_length(frame) if around.site.trainer else None
            self._sources[around.site] = _Source(find(frame), length, taken > self._taken)
        self._taken = taken
        variable, length, is_fed = self._sources[around.site]
        number = variable.read(frame) if variable else None
        if number is not None:
            self._seen, self.how = ((number, *counters(around.beyond)), number), (variable, "")
        elif is_fed:
            self._seen, self.how = (self._passes.latest, None), ("each pass over the DataLoader", "")
        else:
            self._seen, self.how = (None, None), (_NONE, "")
        if length is not None and self._seen[0] != self._key:
            self._limit = length.read(frame)


def _epoch_loop(loops: Loops) -> int | None:
    """Which of the loops is the epochs': the next around the samples', or one further out that says so."""
    if len(loops) <= 2:
        return 1 if len(loops) == 2 else None
    named = (place for place, (_, loop) in enumerate(loops) if place and NAME in loop.target)
    return next(named, 1)


def counters(loops: Loops) -> tuple[int, ...]:
    """The variables of loops further out: epochs that begin anew at 0 are others."""
    if not loops:
        return ()
    numbers = (as_epoch(frame.f_locals.get(loop.target)) for frame, loop in loops if loop.target)
    return tuple(number for number in numbers if number is not None)
