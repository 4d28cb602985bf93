"""stdout and stderr that say in-band to which sample the text after them belongs."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


_CLOSED = (ValueError, OSError)  # the training may close its own streams, or the fds under them


class MarkedFile(io.FileIO):
    """A file that writes an APC escape sequence, which terminals ignore, whenever the step has changed.

    Text written behind Python's back (by C code, by a child process) belongs to the last mark before it.
    """

    def __init__(self, fd: int, step: Callable[[], int]) -> None:
        super().__init__(fd, "wb", closefd=False)
        self._step = step
        self._marked: int | None = None

    def write(self, data: Buffer, /) -> int:
        self.mark()
        return super().write(data) or 0

    def mark(self) -> None:
        """Write the mark of the present step, unless it is the last one written."""
        step = self._step()
        if step != self._marked:
            self._marked = step
            os.write(self.fileno(), b"\x1b_bptui;%d\x1b\\" % step)


class Console:
    """Replaces sys.stdout and sys.stderr; lines go out as they end, marked with their step."""

    def __init__(self, step: Callable[[], int]) -> None:
        self._files = [MarkedFile(fd, step) for fd in (1, 2)]
        self._streams = [
            io.TextIOWrapper(io.BufferedWriter(file), "utf-8", "backslashreplace", line_buffering=True)
            for file in self._files
        ]
        sys.stdout, sys.stderr = self._streams

    def flush(self) -> None:
        """Send what was printed so far, whole line or not."""
        for stream in self._streams:
            with contextlib.suppress(*_CLOSED):
                stream.flush()

    def mark(self) -> None:
        """Say which step begins now, for those who write without Python."""
        for file in self._files:
            with contextlib.suppress(*_CLOSED):
                file.mark()
