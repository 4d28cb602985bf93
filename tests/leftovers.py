"""What a test has started must be gone when it ends."""

from collections.abc import Iterable

import psutil

PATIENCE = 30.0


def assert_gone(processes: Iterable[psutil.Process]) -> None:
    """Wait for the end of these; a zombie has ended, whoever is to reap it."""
    _, left = psutil.wait_procs(processes, timeout=PATIENCE)
    shown = []
    for process in left:
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                shown.append(process.cmdline())
                process.kill()
        except psutil.Error:
            continue
    assert not shown
