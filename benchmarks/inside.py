"""Running after one has stepped from op to op: it is to be as quick as in a process where nobody has."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.house import House
from benchmarks.timing import MS, Row, interleave, repeated, row

ROUNDS = 8
SAMPLES = 300
OPS = 40
NO_SLOWER = 1.03


def rows() -> Iterator[Row]:
    """The same samples of the same training, with and without; and one op."""
    ops: list[float] = []
    cases = {"without": lambda: _sample([]), "with": lambda: _sample(ops, OPS)}
    measured = interleave(cases, ROUNDS)
    base = statistics.median(measured["without"])
    yield row("a sample of the MLP, run after others", measured["without"], "ms", ratio=1.0)
    ratio = statistics.median(measured["with"]) / base
    yield row(f"after {OPS} steps from op to op, too", measured["with"], "ms", ratio=ratio, target=NO_SLOWER)
    yield row("an op of it, from the command to where it stands", ops, "ms")


def _sample(ops: list[float], count: int = 0) -> float:
    """Milliseconds a sample in a fresh process, of which `count` ops were stepped before."""
    with House("benchmarks/training/mlp.py", "bare", "1000") as house:
        house.step(SAMPLES)
        ops += [s * MS for s in repeated(lambda: house.step_inside("op"), count)]
        house.step(1)
        return repeated(lambda: house.step(SAMPLES), 1)[0] * MS / SAMPLES
