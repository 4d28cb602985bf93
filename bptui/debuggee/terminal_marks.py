"""Marks in what a script prints, which nobody sees, of the step and the stream to which its text belongs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import TextIO


class TerminalMarks:
    """The script's sys.stdout and sys.stderr stay what they are; only their `write` says first where it is.

    Marks go only to what we gave it, a terminal for both or a pipe for each: the script may put a file of its own
    under fd 1 or 2.
    """

    def __init__(self, step: Callable[[], int]) -> None:
        self._step = step
        self._marked: dict[tuple[int, int], tuple[int, int]] = {}
        self._given: dict[int, tuple[int, int]] = {}
        for fd, stream in ((2, sys.stderr), (1, sys.stdout)):
            with contextlib.suppress(OSError, AttributeError):
                self._given[fd] = _identity(fd)
                stream.write = self._marking(fd, stream)  # type: ignore[method-assign]

    def flush(self) -> None:
        """Send what was printed so far."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the script may have put anything there
                stream.flush()

    def mark(self) -> None:
        """Say which step begins now, for those who write without Python."""
        for fd in self._given:  # stdout comes last: on a terminal for both, what C prints is taken for stdout's
            with contextlib.suppress(OSError):
                os.write(fd, self._mark(fd).encode())

    def leave(self) -> None:
        """In a forked child: no more marks."""
        self._given.clear()

    def _mark(self, fd: int) -> str:
        """The mark of the present step; nothing if it was the last there, or if the fd is not ours any more."""
        given, mark = self._given.get(fd), (self._step(), fd)
        if given is None or self._marked.get(given) == mark:
            return ""
        with contextlib.suppress(OSError):
            if _identity(fd) == given:
                self._marked[given] = mark
                return f"\x1b_bptui;{mark[0]};{fd}\x1b\\"
        return ""

    def _marking(self, fd: int, stream: TextIO) -> Callable[[str], int]:
        write = stream.write

        def marking_write(text: str) -> int:
            if mark := self._mark(fd):
                write(mark)  # a write of its own: text may be no text, and its length is what is returned
            return write(text)

        return marking_write


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino
