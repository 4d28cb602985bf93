"""A program on a real terminal, with a record of what arrived when."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from typing import Self

import pyte

from benchmarks.timing import environment

WIDTH, HEIGHT = 120, 36
SILENCE = 0.15
"""Seconds without a byte after which a frame is taken to be all there."""


class Terminal:
    """`python -m bptui …` on a pseudo-terminal of 120×36, and a terminal emulator.

    Bytes are read as they come and shown to the emulator afterwards, so that its slowness is not measured.

    Attributes:
        pid: The program's process.
        display: What is on screen, line by line, as of the last `follow`.
    """

    def __init__(self, *arguments: str) -> None:
        self._began = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
            shown = {**environment(), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execvpe(sys.executable, [sys.executable, "-m", "bptui", *arguments], shown)
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self._screen)
        self.display: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)

    def press(self, keys: str) -> list[tuple[float, tuple[str, ...]]]:
        """Type, and follow what happens: (seconds since the first key, what was on screen then)."""
        self._began = time.perf_counter()
        os.write(self._fd, keys.encode())
        return self.follow(lambda seen: bool(seen))

    def follow(self, is_enough: Callable[[bytes], bool]) -> list[tuple[float, tuple[str, ...]]]:
        """(seconds since the last key or the start, what was on screen then), for every piece that arrives.

        Ends with the first silence after `is_enough` says so of all bytes.
        """
        pieces = list(self._read(is_enough))
        moments = []
        for moment, piece in pieces:
            self._stream.feed(piece)
            self.display = tuple(self._screen.display)
            moments.append((moment, self.display))
        return moments

    def _read(self, is_enough: Callable[[bytes], bool]) -> Iterator[tuple[float, bytes]]:
        seen = b""
        deadline = time.perf_counter() + 60
        while time.perf_counter() < deadline:
            if select.select([self._fd], [], [], SILENCE)[0]:
                try:
                    piece = os.read(self._fd, 1 << 16)
                except OSError:  # the program has ended
                    return
                seen += piece
                yield time.perf_counter() - self._began, piece
            elif is_enough(seen):
                return
        raise TimeoutError(f"after a minute the terminal shows {self.display}")


def until(moments: list[tuple[float, tuple[str, ...]]], text: str) -> float:
    """When a text was first on screen, in seconds."""
    return next(moment for moment, display in moments if any(text in line for line in display))


def complete(moments: list[tuple[float, tuple[str, ...]]]) -> float:
    """When every character on screen was as it stayed, in seconds."""
    final = moments[-1][1]
    return next(moment for moment, display in moments if display == final)
