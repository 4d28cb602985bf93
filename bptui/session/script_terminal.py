"""The script's terminal and jobs, for whoever types at it: keys, its size, signals."""

from __future__ import annotations

import dataclasses

from bptui.session.lifecycle import Lifecycle
from bptui.session.terminal import Terminal


class ScriptTerminal:
    """That of the script that runs now; without one, nothing happens."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    @property
    def _terminal(self) -> Terminal | None:
        debuggee = self._lifecycle.debuggee
        return debuggee.terminal if debuggee is not None else None

    def type(self, keys: bytes) -> None:
        """Press keys."""
        if self._terminal is not None:
            self._terminal.type(keys)

    def resize(self, rows: int, columns: int) -> None:
        """Give it another size, also that of a script that is started later."""
        self._lifecycle.streams = dataclasses.replace(self._lifecycle.streams, size=(rows, columns))
        if self._terminal is not None:
            self._terminal.resize(rows, columns)

    def is_suspended_by(self, key: bytes) -> bool:
        """Whether this key stops its jobs."""
        return self._terminal is not None and self._terminal.is_suspended_by(key)

    def signal(self, number: int, to_all: bool) -> None:
        """Send a signal to the script, or to its children, too, as a terminal does."""
        if (debuggee := self._lifecycle.debuggee) is not None:
            (debuggee.signal_all if to_all else debuggee.signal)(number)
