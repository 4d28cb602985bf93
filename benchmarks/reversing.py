"""Going back: how long a step back takes, near and far, and what the copies cost while running."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.house import House
from benchmarks.timing import MS, Row, interleave, paired, repeated, row

FOR_EVER = "1000000"
ROUNDS = 15
RUNS = 9

NEAR = {
    "the seed's loop": (("linear", "--epochs", FOR_EVER), 50),
    "LSTM": (("benchmarks/training/lstm.py", "bare", FOR_EVER), 60),
    "small GPT": (("benchmarks/training/gpt.py", "bare", FOR_EVER), 150),
}
"""What is stepped back, and how many milliseconds that may take."""

FAR = 10_000

FURTHER = 5

ZOOM = 100
"""Milliseconds that the graph of a sample may take beside the sample itself, traced."""

RUNNING = {
    "the seed's loop": (("linear", "--epochs", FOR_EVER), 40_000, 1.15),
    "small GPT": (("benchmarks/training/gpt.py", "bare", FOR_EVER), 400, 1.05),
}
"""What runs at full speed, how many samples at a time, and what that may cost with copies beside without."""


def rows() -> Iterator[Row]:
    """Near, far, and while running."""
    for name, (target, most) in NEAR.items():
        with House(*target, reverse=True) as house:
            house.step(30)
            yield row(f"back one sample, {name}", _back(house, 1), "ms", target=most)
            yield row(f"back ten samples, {name}", _back(house, 10), "ms", target=most)
            yield _looking(house, name)
    with House("linear", "--epochs", FOR_EVER, reverse=True) as house:
        house.step(FAR)
        yield row(f"back {FAR // 2:,} of {FAR:,} samples, the seed's loop", _back(house, FAR // 2, 5), "ms")
        yield row(f"back to the first of {FAR:,} samples", _back(house, FAR, 5), "ms")
    for name, (target, samples, most) in RUNNING.items():
        yield from _running(name, target, samples, most)


def _looking(house: House, name: str) -> Row:
    """What a graph of a sample costs that ran at full speed: the way there from a copy, and the sample, traced."""
    near = max(house.status.checkpoints)
    house.step(FURTHER)
    traced = [seconds * MS for seconds in repeated(lambda: house.step(1), ROUNDS)]
    values = [seconds * MS for seconds in repeated(lambda: house.look_at(near + FURTHER - 1), ROUNDS)]
    most = ZOOM + statistics.median(traced)
    return row(f"graph of a sample {FURTHER} after a copy, {name}", values, "ms", target=most)


def _back(house: House, samples: int, rounds: int = ROUNDS) -> list[float]:
    """Milliseconds from the command to the stop, by turns with the way to and fro."""
    end, values = house.status.recorded, []
    for _ in range(rounds):
        values += repeated(lambda: house.travel(end - samples), 1)
        house.travel(end)
    return [seconds * MS for seconds in values]


def _running(name: str, target: tuple[str, ...], samples: int, most: float) -> Iterator[Row]:
    private: list[float] = []

    def step(reverse: bool) -> float:
        # A process of its own each time: two that do the same differ by 5 %, wherever their memory lies.
        with House(*target, reverse=reverse) as house:
            house.step(samples // 10)
            house.rest()
            (seconds,) = repeated(lambda: house.step(samples), 1)
            if reverse:
                private[:] = [_private(pid) / 2**20 for pid in _waiting(house)]
        return seconds * MS / samples

    measured = interleave({"bare": lambda: step(False), "copied": lambda: step(True)}, RUNS)
    yield row(f"a sample of {name} without copies", measured["bare"], "ms")
    yield paired(f"a sample of {name} with copies", measured["copied"], measured["bare"], "ms", most)
    yield row(f"private memory of a copy, {name}", private, "MB")


def _waiting(house: House) -> list[int]:
    """The copies: all below the session that is neither the keeper nor at work."""
    below = psutil.Process(house.process.pid).children(recursive=True)
    return [each.pid for each in below if each.children() == [] or each.status() == psutil.STATUS_SLEEPING]


def _private(pid: int) -> int:
    """Bytes that no other process has."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(found) * 1024 for found in re.findall(r"^Private_\w+: +(\d+)", text, re.MULTILINE))
