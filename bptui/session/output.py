"""What a debuggee prints: two pipes, read as they fill, and handed on as lines in the order of their steps."""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import termios
import time
from collections.abc import Callable

from bptui.session.console import Line, LineReader

SETTLE = 0.02
"""Seconds between two looks at both pipes."""

BURST = 1_000_000
"""So many lines are kept in full, from the start or after a silence."""

STEADY = 20_000
"""So many lines a second are kept in full after that."""

_READ = 1 << 16


class Room:
    """How many lines are welcome now: many at once, not so many all the time."""

    def __init__(self) -> None:
        self._room = float(BURST)
        self._refilled = time.monotonic()

    def refill(self) -> int:
        """So many are welcome by now."""
        now = time.monotonic()
        self._room = min(self._room + STEADY * (now - self._refilled), BURST)
        self._refilled = now
        return int(self._room)

    def use(self, lines: int) -> None:
        """So many have come."""
        self._room -= lines


OnLines = Callable[[list[Line]], None]
OnText = Callable[[int, bytes], None]


class Output:
    """stdout and stderr of a debuggee.

    Each pipe is in order by itself. To bring them into one order, a line waits until the other pipe has been
    emptied once more: then nothing can come any more that belongs before it.
    """

    def __init__(self, on_lines: OnLines, on_text: OnText) -> None:
        """Read nothing yet.

        Args:
            on_lines: Called with whole lines, in order.
            on_text: Called with 1 or 2 and whatever comes on stdout or stderr, at once.
        """
        self._on_lines = on_lines
        self._on_text = on_text
        self._room = Room()
        self._readers: dict[int, LineReader] = {}
        self._fresh: list[Line] = []
        self._waiting: list[Line] = []
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> tuple[int, int]:
        """Make the pipes; returns the ends to write to."""
        return self.open_pipe(1), self.open_pipe(2)

    def open_pipe(self, stream: int) -> int:
        """Make one of them; returns the end to write to."""
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self._readers[ours] = LineReader(stream)
        asyncio.get_running_loop().add_reader(ours, self._read, ours)
        return theirs

    def drain(self) -> None:
        """Hand on everything that has been printed until now."""
        self._look()
        self._hand_on(self._waiting + self._fresh)
        self._waiting, self._fresh = [], []

    def close(self) -> None:
        """Drain, and let go of the pipes."""
        self.drain()
        for fd in tuple(self._readers):
            self._close(fd)
        self.drain()
        if self._timer is not None:
            self._timer.cancel()

    def _read(self, fd: int, size: int = _READ) -> None:
        try:
            piece = os.read(fd, size)
        except BlockingIOError:
            return
        if not piece:
            self._close(fd)
            return
        self._take(self._readers[fd].stream, *self._readers[fd].feed(piece, self._room.refill()))

    def _look(self) -> None:
        # Only what is there now: another process may print faster than we read.
        for fd in tuple(self._readers):
            if size := _size(fd):
                self._read(fd, size)

    def _take(self, stream: int, text: bytes, lines: list[Line]) -> None:
        self._on_text(stream, text)
        self._room.use(len(lines))
        self._fresh += lines
        if lines and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SETTLE, self._settle)

    def _settle(self) -> None:
        self._timer = None
        seen, self._waiting, self._fresh = self._waiting + self._fresh, [], []
        if not seen:
            return
        self._look()
        newest = max(step for step, _, _ in seen)
        late, self._fresh = self._fresh, []
        self._hand_on(seen + [line for line in late if line[0] <= newest])
        self._waiting = [line for line in late if line[0] > newest]
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SETTLE, self._settle)

    def _hand_on(self, lines: list[Line]) -> None:
        if lines:
            self._on_lines(sorted(lines, key=lambda line: line[0]))

    def _close(self, fd: int) -> None:
        asyncio.get_running_loop().remove_reader(fd)
        reader = self._readers.pop(fd)
        self._take(reader.stream, *reader.finish())
        os.close(fd)


def _size(fd: int) -> int:
    size = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, size)
    return size[0]
