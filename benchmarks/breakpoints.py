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

TRAINING = "benchmarks/training/mlp.py"
AT_MOST = 0.3
"""Milliseconds: 3 % of a step of 10 ms. The training's own step is shorter."""

CASES = {
    "none": "",
    "none, once more": "",
    "loss > 1e9": "loss > 1e9",
    "loss > 99 * mean(loss, 10)": "loss > 99 * mean(loss, 10)",
    "spike 99": "spike 99",
    "nan": "nan",
    'grad("0.weight").norm > 1e9': 'grad("0.weight").norm > 1e9',
    "norm 1e9": "norm 1e9",
    "frozen 3": "frozen 3",
}
"""Of which the target speaks: what is looked at after each sample. None once more shows what is chance."""

SLOW = {"op nothing": "op nothing", "isnan(value)": "isnan(value)", "a line that is not reached": "mlp.py:1"}
"""What is looked at after each op, or at each line."""


def rows() -> Iterator[Row]:
    """A sample of the 50-layer MLP with each of them, in time of the training's own process."""
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder) / "clock")
        # Without graphs and statistics of some samples, which come when they like.
        with House(TRAINING, clock.way, "1000000", overhead=0.0) as house:
            house.run_to(100)
            measured = interleave({case: _with(house, clock, text) for case, text in CASES.items()}, ROUNDS)
            slow = interleave({case: _with(house, clock, text) for case, text in SLOW.items()}, 2)
            house.pause()
    base = measured.pop("none")
    typical = statistics.median(base)
    yield row("a sample of the MLP, breakpoint: none", base, "ms")
    for case, values in measured.items():
        yield paired(f"a sample of the MLP, breakpoint: {case}", values, base, "ms", 1 + AT_MOST / typical)
    for case, values in slow.items():
        ratio = statistics.median(values) / typical
        yield row(f"a sample of the MLP, breakpoint: {case}", values, "ms", ratio=ratio)


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
