"""The terminal of a script: what it shows, what is typed into it, whether the script waits for that."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import platform
import signal
import struct
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

from bptui.session.output import SETTLE, OnText, Room
from bptui.session.screen import Row, Screen

SIZE = (24, 80)
"""Rows and columns of a terminal of which nobody has said yet how much is seen."""

LARGEST = (1 << 16) - 1
"""Rows or columns that the kernel can tell."""

BREATH = 0.005
"""Seconds between two reads: a script flushes every line to a terminal, and would wake us for each."""

_READ = 1 << 16
_DRAIN = 1 << 20  # so much is taken at once: another process may print faster than we read

_READS = {"x86_64": 0, "aarch64": 63}
_SELECTS = {"x86_64": (23, 270), "aarch64": (72,)}
"""Numbers of Linux's system calls read, select and pselect6."""

OnRows = Callable[[list[Row]], None]


class Terminal:
    """A pseudo-terminal whose other end is a script's.

    Attributes:
        inner: The script's end. It is kept open, so that a script may close its own and open /dev/tty again.
    """

    def __init__(self, on_rows: OnRows, on_text: OnText, size: tuple[int, int] = SIZE, stream: int = 1) -> None:
        """Open it, and read from now on.

        Args:
            on_rows: Called with rows that are new or have changed.
            on_text: Called with `stream` and whatever is printed, at once.
            size: Rows and columns.
            stream: As what its text is passed on.
        """
        self._on_rows, self._on_text, self._stream = on_rows, on_text, stream
        self._outer, self.inner = os.openpty()
        self._screen = Screen(size[0])
        self.resize(*size)
        modes = termios.tcgetattr(self.inner)
        modes[1] &= ~termios.OPOST  # newlines stay as they are printed
        termios.tcsetattr(self.inner, termios.TCSANOW, modes)
        os.set_blocking(self._outer, False)
        self._room = Room()
        self._typed = b""
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = True
        self._loop = asyncio.get_running_loop()
        self._resume()

    def resize(self, rows: int, columns: int) -> None:
        """Give it another size; the kernel tells the jobs that have it if it is another."""
        rows, columns = min(rows, LARGEST), min(columns, LARGEST)
        self._screen.resize(rows)
        fcntl.ioctl(self.inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Have these keys pressed, as soon as there is room for them."""
        self._typed += keys
        self._press()

    def lead(self) -> None:
        """Be the leader of its jobs, so that it stays when one of them ends."""
        with contextlib.suppress(OSError):  # another terminal's already, which nobody else is to have
            fcntl.ioctl(self.inner, termios.TIOCSCTTY, 0)

    def taking_keys(self) -> None:
        """In a new job: get its keys."""
        self.give_to(os.getpid())

    def give_to(self, group: int) -> None:
        """Have this process group get its keys; only of the leader's session."""
        with contextlib.suppress(OSError), _blocked(signal.SIGTTOU):
            os.tcsetpgrp(self.inner, group)

    def is_suspended_by(self, key: bytes) -> bool:
        """Whether this key is to stop the jobs of this terminal, and not to be read by the script."""
        modes = termios.tcgetattr(self.inner)
        return bool(modes[3] & termios.ISIG) and key == modes[6][termios.VSUSP]

    def is_read_by(self, pid: int) -> bool:
        """Whether a process waits for something to be typed, as far as the kernel says so (Linux)."""
        machine = platform.machine()
        try:
            words = Path(f"/proc/{pid}/syscall").read_text().split()
            number, first = int(words[0]), int(words[1], 16)
            fd = first if number == _READS.get(machine) else 0
            # readline waits by select(1, …): for fd 0 alone.
            waits = number == _READS.get(machine) or (number in _SELECTS.get(machine, ()) and first == 1)
            path = str(Path(f"/proc/{pid}/fd/{fd}").readlink()) if waits else ""
            return path in ("/dev/tty", os.ttyname(self.inner))
        except (OSError, ValueError, IndexError):  # it runs, it is gone, or this kernel does not tell
            return False

    def drain(self) -> None:
        """Hand on everything that has been printed until now."""
        taken = 0
        while taken < _DRAIN and (size := self._read()):
            taken += size
        self._settle()

    def close(self) -> None:
        """Drain, and let go of it."""
        self.drain()
        self._is_open = False
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._outer)
        self._loop.remove_writer(self._outer)
        os.close(self._outer)
        os.close(self.inner)

    def _press(self) -> None:
        try:
            self._typed = self._typed[os.write(self._outer, self._typed) :]
        except BlockingIOError:  # the script does not read what was typed before
            self._loop.add_writer(self._outer, self._press)
            return
        if not self._typed:
            self._loop.remove_writer(self._outer)

    def _resume(self) -> None:
        if self._is_open:
            self._loop.add_reader(self._outer, self._wake)

    def _wake(self) -> None:
        self._loop.remove_reader(self._outer)
        self._loop.call_later(BREATH, self._resume)
        self._read()

    def _read(self) -> int:
        try:
            piece = os.read(self._outer, _READ)
        except BlockingIOError:
            return 0
        text, lines = self._screen.feed(piece, self._room.refill())
        self._room.use(lines)
        self._on_text(self._stream, text)
        if self._timer is None:
            self._timer = self._loop.call_later(SETTLE, self._settle)
        return len(piece)

    def _settle(self) -> None:
        """Hand on what has changed: of a row that is rewritten often only what it shows now and then."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if rows := self._screen.take():
            self._on_rows(rows)


@contextlib.contextmanager
def _blocked(number: int) -> Iterator[None]:
    """Without this signal: the kernel sends it to whoever gives away a terminal that he does not hold."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
