"""Work done in a copy of this process, so that nothing of it can touch the training."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
import warnings
from collections.abc import Callable

import torch


class Overdue(Exception):
    """The work was not done in time; its text says so."""


def apart(work: Callable[[], str], seconds: float) -> str:
    """Do some work in a forked copy; what it prints, changes and leaves behind is gone with it.

    With CUDA there can be no copy that computes: then it is done here.

    Args:
        work: Gives the text that is wanted; it does not raise.
        seconds: How long it may take.

    Raises:
        Overdue: It took longer, or died.
        OSError: There can be no copy.
    """
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return work()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # later Pythons warn of threads, which the copy does not have
        child = os.fork()
    if not child:
        _work_and_leave(work, writing)
    os.close(writing)
    try:
        return _read(reading, seconds).decode()
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _work_and_leave(work: Callable[[], str], writing: int) -> None:
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(nowhere, fd)
        torch.set_num_threads(1)  # libgomp's other threads are not in the copy, and it would wait for them
        rest = memoryview(work().encode())
        while rest:
            rest = rest[os.write(writing, rest) :]
    finally:
        os.kill(os.getpid(), signal.SIGKILL)  # no clean-up of the training's is run twice


def _read(reading: int, seconds: float) -> bytes:
    end, found = time.monotonic() + seconds, b""
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            raise Overdue(f"it took longer than {seconds:.0f} s")
        more = os.read(reading, 1 << 16)
        if not more and not found:
            raise Overdue("the copy of the process in which it ran died")
        if not more:
            return found
        found += more
