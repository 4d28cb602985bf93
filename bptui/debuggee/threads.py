"""Threads: of a process that is forked only the one that forks is in the copy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TASKS = "/proc/self/task"

_RESTARTED = {("tensorboard.summary.writer.event_file_writer", "_AsyncWriterThread")}
"""Threads of which a new one can take over the work: all they need is in an object that the copy has, too."""

_NOT_MISSED = {("tqdm._monitor", "TMonitor")}
"""Threads whose work nobody waits for."""


def why_not(pool: int) -> str:
    """Why a copy of this process would lack something, one line; empty if it would not.

    Args:
        pool: So many threads that nobody started from Python are known to begin anew.
    """
    foreign = [each for each in _others() if _kind(each) not in _RESTARTED | _NOT_MISSED]
    if foreign:
        names = ", ".join(sorted(each.name for each in foreign)[:3])
        return f"the script has another thread: {names}"
    hidden = sum(1 for _ in Path(_TASKS).iterdir()) - threading.active_count() - pool
    return f"libraries have {hidden} threads of their own" if hidden > 0 else ""


def restarting() -> Callable[[], None]:
    """To be called before a copy is made; what it returns starts the threads anew in the copy."""
    lost = [each for each in _others() if _kind(each) in _RESTARTED]

    def restart() -> None:
        for each in lost:
            run: Any = each.run
            threading.Thread(target=run, name=each.name, daemon=each.daemon).start()

    return restart


def _others() -> list[threading.Thread]:
    main = threading.main_thread()
    return [each for each in threading.enumerate() if each is not main]


def _kind(thread: threading.Thread) -> tuple[str, str]:
    return type(thread).__module__, type(thread).__qualname__
