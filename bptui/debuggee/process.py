"""What the debuggee's processes owe to the one that started them: no orphans, no shared standard input."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends, where the kernel can (Linux).

    Elsewhere the end of the channel does the same as soon as it is read.
    """
    _on_death_of_parent(signal.SIGKILL)


def outlive_parent() -> None:
    """Take `die_with_parent` back."""
    _on_death_of_parent(0)


def take_standard_streams(stdout: int, stderr: int) -> None:
    """Make the fds this process's stdout and stderr, and leave its stdin empty."""
    null = os.open(os.devnull, os.O_RDONLY)
    for source, standard in ((null, 0), (stdout, 1), (stderr, 2)):
        os.dup2(source, standard)
        os.close(source)


def _on_death_of_parent(number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
