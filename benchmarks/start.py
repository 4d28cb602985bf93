"""From `bptui run` to the first frame, and to "paused" on screen."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.terminal import Terminal, until
from benchmarks.timing import MS, Row, row

ROUNDS = 5


def rows() -> Iterator[Row]:
    """Both times, and whether torch is in the app's process."""
    frames, stops, torch = [], [], 0
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            recording = str(Path(folder) / "r.bptui")
            with Terminal("run", "--record", recording, "linear") as terminal:
                moments = terminal.follow(lambda seen: b"paused" in seen)
                frames.append(until(moments, "Gradients") * MS)
                stops.append(until(moments, "paused") * MS)
                torch += "torch" in Path(f"/proc/{terminal.pid}/maps").read_text()
                terminal.press("q")  # it does not ask, as nothing is recorded yet
                os.waitid(os.P_PID, terminal.pid, os.WEXITED | os.WNOWAIT)
    yield row("process start → first frame", frames, "ms", target=700)
    yield row('process start → "paused" on screen', stops, "ms")
    yield Row("app processes with torch in them", torch, "", target=0)
