"""What can be known of a process that the kernel may have ended for want of memory."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path


class MemoryWatch:
    """Looks whether the kernel's out-of-memory killer has been at work since it was made."""

    def __init__(self) -> None:
        self._before = _killed()

    def after_kill(self) -> str:
        """What is to be said of a process that was killed by SIGKILL, and is reaped."""
        unit = 1 if sys.platform == "darwin" else 1024
        gib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**30
        used = f"it used up to {gib:.1f} GiB"
        if _killed() > self._before:
            return f"the kernel's out-of-memory killer was at work; {used}"
        return f"if nobody did that, perhaps the kernel's out-of-memory killer; {used}"


def _killed() -> int:
    """How many processes the kernel has ended for want of memory since it was started (Linux)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0
