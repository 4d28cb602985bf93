"""What breakpoints cost that are looked at and never hit, beside none: of one training, by turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from benchmarks.house import House
from benchmarks.timing import MS, Row, interleave, repeated, row

ROUNDS = 12
SAMPLES = 100
AT_MOST = 1.03

CASES = {
    "none": "",
    "loss > 1e9": "loss > 1e9",
    "loss > 99 * mean(loss, 10)": "loss > 99 * mean(loss, 10)",
    "nan": "nan",
    'grad("layers.0.weight").norm > 1e9': 'grad("layers[0].weight").norm > 1e9',
}
"""Of which the target speaks: what is looked at after each sample."""

SLOW = {"op nothing": "op nothing", "isnan(value)": "isnan(value)", "a line that is not reached": "mlp.py:1"}
"""What is looked at after each op, or at each line."""


def rows() -> Iterator[Row]:
    """A sample of the 50-layer MLP with each of them."""
    with House("benchmarks/training/mlp.py", "bare", "1000000") as house:
        house.step(SAMPLES)
        measured = interleave({name: _with(house, text) for name, text in CASES.items()}, ROUNDS)
        slow = interleave({name: _with(house, text) for name, text in SLOW.items()}, 2)
    base = statistics.median(measured["none"])
    for name, values in (measured | slow).items():
        ratio = statistics.median(values) / base
        target = AT_MOST if name in CASES and name != "none" else None
        yield row(f"a sample of the MLP, breakpoint: {name}", values, "ms", ratio=ratio, target=target)


def _with(house: House, text: str) -> Callable[[], float]:
    def measure() -> float:
        house.stop_at(*filter(None, [text]))
        house.step(1)
        return repeated(lambda: house.step(SAMPLES), 1)[0] * MS / SAMPLES

    return measure
