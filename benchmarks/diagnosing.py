"""What it costs a training that all diagnoses follow it, as the app does, beside none: by turns."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.house import House
from benchmarks.timing import MS, Row, interleave, repeated, row
from bptui.app.diagnoses import SECONDS
from bptui.diagnostics import Diagnosis, read_limits
from bptui.protocol import Status
from bptui.recording.reader import Reader

ROUNDS = 10
SAMPLES = 60
AT_MOST = 1.05


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
    base = statistics.median(measured["none"])
    yield row("a sample of the small GPT, no diagnoses", measured["none"], "ms", ratio=1.0)
    ratio = statistics.median(measured["all diagnoses"]) / base
    yield row("with all diagnoses", measured["all diagnoses"], "ms", ratio=ratio, target=AT_MOST)
