"""Threads of a training that is copied by fork: those of most libraries are gone in the copy, and waited for."""

from __future__ import annotations

import ctypes.util
import os

from bptui.errors import BptuiError


def check_threads(threads: int) -> None:
    """Make sure that a training with so many intra-op threads can be copied.

    Raises:
        BptuiError: It can not.
    """
    if threads > 1 and not _library():
        raise BptuiError(
            f"--threads {threads} needs libomp, whose threads survive a fork (apt-get install libomp5); "
            "or --no-reverse, without going back"
        )


def environment(threads: int) -> dict[str, str]:
    """What a process is started with that is to be copied."""
    number = str(threads)
    given = {"OMP_NUM_THREADS": number, "MKL_NUM_THREADS": number, "OPENBLAS_NUM_THREADS": "1"}
    if threads > 1:
        given["LD_PRELOAD"] = ":".join(filter(None, (_library(), os.environ.get("LD_PRELOAD", ""))))
    return given


def _library() -> str:
    """OpenMP of LLVM or Intel: unlike GCC's it begins anew in a child."""
    return ctypes.util.find_library("omp") or ctypes.util.find_library("iomp5") or ""
