"""What a test has started must be gone when it ends."""

import time
from collections.abc import Iterable

import psutil

PATIENCE = 30.0


def assert_gone(processes: Iterable[psutil.Process]) -> None:
    """Wait for the end of these; what is left is killed, and named."""
    left = list(processes)
    deadline = time.monotonic() + PATIENCE
    while (left := [each for each in left if _lives(each)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    shown = []
    for process in left:
        try:
            shown.append(process.cmdline())
            process.kill()
        except psutil.Error:
            continue
    assert not shown


def assert_ended(pid: int) -> None:
    """Wait for the end of a process that may be gone already."""
    assert_gone(process for process in psutil.process_iter() if process.pid == pid)


def _lives(process: psutil.Process) -> bool:
    """Whether it has not ended; a zombie has, whoever is to reap it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
