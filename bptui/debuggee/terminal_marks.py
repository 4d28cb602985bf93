"""Marks in a script's own terminal, which nobody sees, of the step to which its text belongs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import TextIO


class TerminalMarks:
    """The script's sys.stdout and sys.stderr stay what they are; only their `write` says first where it is.

    Marks go to our terminal only: the script may put a file of its own under fd 1 or 2.
    """

    def __init__(self, step: Callable[[], int]) -> None:
        self._step = step
        self._marked: dict[int, int] = {}
        self._terminals: dict[int, tuple[int, int]] = {}
        for fd, stream in ((1, sys.stdout), (2, sys.stderr)):
            with contextlib.suppress(OSError, AttributeError):
                self._terminals[fd] = _identity(fd)
                stream.write = self._marking(fd, stream)  # type: ignore[method-assign]

    def flush(self) -> None:
        """Send what was printed so far."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the script may have put anything there
                stream.flush()

    def mark(self) -> None:
        """Say which step begins now, for those who write without Python."""
        for fd in self._terminals:
            with contextlib.suppress(OSError):
                os.write(fd, self._mark(fd).encode())

    def leave(self) -> None:
        """In a forked child: no more marks."""
        self._terminals.clear()

    def _mark(self, fd: int) -> str:
        """The mark of the present step; nothing if it was the last here, or this is not our terminal."""
        step = self._step()
        if step == self._marked.get(fd) or fd not in self._terminals:
            return ""
        with contextlib.suppress(OSError):
            if _identity(fd) == self._terminals[fd]:
                self._marked[fd] = step
                return f"\x1b_bptui;{step}\x1b\\"
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
