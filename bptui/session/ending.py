"""How a debuggee has ended, from what it has said itself and from the exit code of its process."""

from __future__ import annotations

import signal

from bptui.protocol import Ended
from bptui.session.memory import MemoryWatch
from bptui.session.words import death


def of_loop(said: Ended | None, code: int) -> Ended:
    """A loop says itself how it ended; if not, something has ended its process."""
    return said or Ended(death(code), code=_status(code) or 1)


def of_script(said: Ended | None, code: int, unseen: str, memory: MemoryWatch) -> Ended:
    """The exit code of a script is its process's own.

    Args:
        said: What our part of it has said.
        code: The exit code, negative for a signal.
        unseen: Why there was nothing to step, empty if there was something.
        memory: Knows why the kernel may have killed it.
    """
    said = said or Ended()
    line = said.line or (death(code) if code else unseen)
    if code == -signal.SIGKILL:
        line += f"; {memory.after_kill()}"
    return Ended(line, said.traceback, _status(code))


def _status(code: int) -> int:
    """As a shell gives it: 128 and the number of the signal."""
    return 128 - code if code < 0 else code
