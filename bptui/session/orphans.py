"""Processes that the debuggee started and left: they become the session's children, and end with the training."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37
_PATIENCE = 0.2  # seconds for the killed to go: one that hangs in the kernel is left to it


def adopt_orphans() -> None:
    """Ask the kernel to make orphans of our descendants our children, where the kernel can (Linux)."""
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def kill_orphans(ours: set[int]) -> None:
    """Kill and reap our children, and theirs in turn, but for `ours`; only in a process that adopts orphans."""
    patient_until = time.monotonic() + _PATIENCE
    while adopts_orphans() and (orphans := _children() - ours) and time.monotonic() < patient_until:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError, PermissionError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.001)


def adopts_orphans() -> bool:
    """Whether `adopt_orphans` was called, and the kernel can."""
    if sys.platform != "linux":
        return False
    answer = ctypes.c_int(0)
    _prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer))
    return bool(answer.value)


def _prctl(option: int, value: object) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value)


def _children() -> set[int]:
    found: set[int] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found.update(map(int, listing.read_text().split()))
    return found
