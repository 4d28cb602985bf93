"""The terminal in which bptui itself was started, lent to a script: it gets every key, and every new size."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
import tty
from types import TracebackType
from typing import Any

from bptui.session.session import Session
from bptui.session.streams import Streams

_KEYS = 1 << 12


def standard_streams() -> Streams:
    """What a script gets as stdin, stdout and stderr: a terminal wherever bptui has one, and else a pipe."""
    piped = frozenset(stream for stream in (1, 2) if not os.isatty(stream))
    stdin = None if os.isatty(0) else 0
    return Streams(stdin, piped, _size(Streams().size))


class UserTerminal:
    """Passes keys and sizes on to the terminal of a script.

    The keys that mean a signal mean it to the script: its own terminal sends it. So Ctrl-C is the script's to
    handle, and bptui survives it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._modes: list[Any] | None = None

    def __enter__(self) -> UserTerminal:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, self._resize)
        if os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp():  # else the keys are those of another job
            self._modes = termios.tcgetattr(0)
            self._take()
            loop.add_reader(0, self._pass_on)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGWINCH)
        if self._modes is not None:
            asyncio.get_running_loop().remove_reader(0)
            self._give_back()

    def _take(self) -> None:
        tty.setraw(0, termios.TCSADRAIN)
        modes = termios.tcgetattr(0)
        modes[1] |= termios.OPOST  # a newline still begins its line
        termios.tcsetattr(0, termios.TCSADRAIN, modes)

    def _give_back(self) -> None:
        assert self._modes is not None
        termios.tcsetattr(0, termios.TCSADRAIN, self._modes)

    def _pass_on(self) -> None:
        try:
            keys = os.read(0, _KEYS)
        except OSError:
            keys = b""
        if not keys:  # the terminal is gone
            asyncio.get_running_loop().remove_reader(0)
        elif len(keys) == 1 and self._session.terminal.is_suspended_by(keys):
            self._suspend()
        else:
            self._session.terminal.type(keys)

    def _suspend(self) -> None:
        """Ctrl-Z: stop the script and bptui, until the shell has both go on."""
        self._give_back()
        self._session.terminal.signal(signal.SIGSTOP, to_all=True)
        os.kill(0, signal.SIGTSTP)  # returns when the shell says SIGCONT
        self._take()
        self._resize()
        self._session.terminal.signal(signal.SIGCONT, to_all=True)

    def _resize(self) -> None:
        self._session.terminal.resize(*_size(Streams().size))


def _size(otherwise: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the terminal that one of our streams is."""
    for stream in (0, 1, 2):
        try:
            return termios.tcgetwinsize(stream)
        except termios.error:
            continue
    return otherwise
