"""What breakpoints cost that are looked at and never hit, beside none: of a training that runs on and on."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.house import House
from benchmarks.timing import MS, Row, interleave, paired, row
from benchmarks.training.clock import Clock

ROUNDS = 30
SAMPLES = 25
SETTLE = 4
"""Samples after a change that are not measured."""

AT_MOST = 1.03

TRAININGS = {"small GPT": ("gpt", "blocks.0.mlp.0.weight", AT_MOST), "MLP": ("mlp", "0.weight", None)}
"""A step of about 10 ms, and one of half of it that has twice as many parameters; and one of those by name."""

CASES = {
    "none": "",
    "none, once more": "",
    "loss > 1e9": "loss > 1e9",
    "loss > 99 * mean(loss, 10)": "loss > 99 * mean(loss, 10)",
    "spike 99": "spike 99",
    "nan": "nan",
    'grad("NAME").norm > 1e9': 'grad("NAME").norm > 1e9',
    "norm 1e9": "norm 1e9",
    "frozen 3": "frozen 3",
}
"""Of which the target speaks: what is looked at after each sample. None once more shows what is chance."""

SLOW = {"op nothing": "op nothing", "isnan(value)": "isnan(value)", "a line that is not reached": "mlp.py:1"}
"""What is looked at after each op, or at each line."""


def rows() -> Iterator[Row]:
    """A sample with each of them, in time of the training's own process."""
    for title, (script, name, target) in TRAININGS.items():
        measured, slow = _measure(f"benchmarks/training/{script}.py", name)
        base = measured.pop("none")
        what = f"a sample of the {title}, breakpoint"
        yield row(f"{what}: none", base, "ms")
        for case, values in measured.items():
            yield paired(f"{what}: {case}", values, base, "ms", target)
        for case, values in slow.items():
            ratio = statistics.median(values) / statistics.median(base)
            yield row(f"{what}: {case}", values, "ms", ratio=ratio)


def _measure(script: str, name: str) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds of each of `CASES`, and of `SLOW`."""
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder) / "clock")
        # Without graphs and statistics of some samples, which come when they like.
        with House(script, clock.way, "1000000", overhead=0.0) as house:
            house.run_to(100)
            cases = {case: _with(house, clock, text.replace("NAME", name)) for case, text in CASES.items()}
            measured = interleave(cases, ROUNDS)
            slow = interleave({case: _with(house, clock, text) for case, text in SLOW.items()}, 2)
            house.pause()
    return measured, slow


def _with(house: House, clock: Clock, text: str) -> Callable[[], float]:
    def measure() -> float:
        """Milliseconds of the median sample: what comes now and then is not the breakpoint's."""
        house.stop_at(*filter(None, [text]))
        first = clock.count + SETTLE
        while clock.count < first + SAMPLES:
            time.sleep(0.01)
        assert not any(hits.problem for hits in house.status.hits), house.status.hits
        return statistics.median(clock.times(first, SAMPLES)) * MS

    return measure
