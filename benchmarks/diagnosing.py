"""What it costs a training that all diagnoses follow it, as the app does, beside none: by turns.

And what of its time goes into looking for what no recorded number shows.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.house import House
from benchmarks.timing import MS, Row, interleave, paired, repeated, row
from benchmarks.training.clock import NOTICING, Clock
from bptui.app.diagnoses import SECONDS
from bptui.diagnostics import Diagnosis, read_limits
from bptui.protocol import Status
from bptui.recording.reader import Reader

ROUNDS = 10
SAMPLES = 60
AT_MOST = 1.05

NOTICED = {"small GPT": ("gpt", 40), "LSTM": ("lstm", 400)}
"""At full speed, with the graphs and statistics that come with it, so many samples at a time."""

NOTICING_AT_MOST = 1.02


def rows() -> Iterator[Row]:
    """A sample of the small GPT with and without."""
    with House("benchmarks/training/gpt.py", "bare", "1000000") as house:
        house.step(SAMPLES)
        reader = Reader(house.recording)
        diagnosis = Diagnosis(reader, 0, read_limits())

        def follow(status: Status) -> None:
            diagnosis.follow(status.steps, SECONDS)

        def measure() -> float:
            return repeated(lambda: house.step(SAMPLES), 1)[0] * MS / SAMPLES

        def measure_followed() -> float:
            diagnosis.follow(house.status.steps)  # what came while nobody did
            house.on_status = follow
            taken = measure()
            house.on_status = lambda status: None
            return taken

        measured = interleave({"none": measure, "all diagnoses": measure_followed}, ROUNDS)
        reader.close()
    yield row("a sample of the small GPT, no diagnoses", measured["none"], "ms", ratio=1.0)
    yield paired("with all diagnoses", measured["all diagnoses"], measured["none"], "ms", AT_MOST)
    for title, (script, samples) in NOTICED.items():
        with_it, without = _noticed(script, samples)
        yield paired(f"a sample of the {title}, with noticing", with_it, without, "ms", NOTICING_AT_MOST)


def _noticed(script: str, samples: int) -> tuple[list[float], list[float]]:
    """Milliseconds of a sample of the training's own process, and what is left of them without noticing."""
    with_it, without = [], []
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder) / "clock", NOTICING)
        with House(f"benchmarks/training/{script}.py", clock.way, "1000000") as house:
            house.run_to(samples)
            for _ in range(ROUNDS):
                first = clock.count
                while clock.count < first + samples:
                    time.sleep(0.01)
                taken = sum(clock.times(first, samples))
                with_it.append(taken * MS / samples)
                without.append((taken - clock.noticing(first, samples)) * MS / samples)
            house.pause()
    return with_it, without
