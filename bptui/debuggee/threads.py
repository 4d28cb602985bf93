"""Threads: of a process that is forked only the one that forks is in the copy."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_TASKS = "/proc/self/task"

_RESTARTED: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("tensorboard.summary.writer.event_file_writer", "_AsyncWriterThread"): lambda thread: thread._queue.not_empty,
    ("rich.live", "_RefreshThread"): lambda thread: thread.live._lock,
}
"""Threads of which a new one can take over the work: all they need is in an object that the copy has, too.

Each with the lock under which it works: held by a thread that the copy lacks, it would never be released there.
"""

_NOT_MISSED = {("tqdm._monitor", "TMonitor")}
"""Threads whose work nobody waits for."""


def why_not(pool: int) -> str:
    """Why a copy of this process would lack something, one line; empty if it would not.

    Args:
        pool: So many threads that nobody started from Python are known to begin anew.
    """
    foreign = [each for each in _others() if not _kinds(each) & (_RESTARTED.keys() | _NOT_MISSED)]
    if foreign:
        names = ", ".join(sorted(map(_name, foreign))[:3])
        return f"the script has another thread: {names}"
    hidden = sum(1 for _ in Path(_TASKS).iterdir()) - threading.active_count() - pool
    if hidden <= 0:
        return ""
    torch = sys.modules.get("torch")
    if torch is not None and (number := torch.get_num_threads()) > pool + 1:
        return f"the script has set torch to {number} threads: a copy needs --threads {number} for that"
    return f"libraries have {hidden} threads of their own"


@contextlib.contextmanager
def resting() -> Iterator[None]:
    """While a copy is made, those that are started anew in it do nothing."""
    with contextlib.ExitStack() as locks:
        for each in _restartable():
            locks.enter_context(_lock(each))
        yield


def restarting() -> Callable[[], None]:
    """To be called before a copy is made; what it returns starts the threads anew in the copy."""
    lost = _restartable()

    def restart() -> None:
        for each in lost:
            _forget_waiter(_lock(each))
            _Anew(each).start()

    return restart


def _forget_waiter(lock: Any) -> None:
    """The thread that is lost still stands in line: what comes first would wake it, and nobody else."""
    if isinstance(lock, threading.Condition):
        with lock:
            lock.notify_all()


def _restartable() -> list[threading.Thread]:
    return [each for each in _others() if _kinds(each) & _RESTARTED.keys()]


def _lock(thread: threading.Thread) -> Any:
    (kind,) = _kinds(thread) & _RESTARTED.keys()
    return _RESTARTED[kind](thread)


class _Anew(threading.Thread):
    """Does in a copy what another one did, and is known as that one by the next copy.

    Attributes:
        lost: That one.
    """

    def __init__(self, lost: threading.Thread) -> None:
        super().__init__(target=lost.run, name=lost.name, daemon=lost.daemon)
        self.lost = lost


def _others() -> list[threading.Thread]:
    main = threading.main_thread()
    return [each.lost if isinstance(each, _Anew) else each for each in threading.enumerate() if each is not main]


def _kinds(thread: threading.Thread) -> set[tuple[str, str]]:
    """Its class and those that it extends, as PyTorch Lightning's progress bar does with rich's."""
    return {(each.__module__, each.__qualname__) for each in type(thread).__mro__}


def _name(thread: threading.Thread) -> str:
    """As the script calls it; a class of a library's is known by where it is from."""
    return thread.name if type(thread) is threading.Thread else f"{thread.name} of {type(thread).__module__}"
