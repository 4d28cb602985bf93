"""How long a reset takes: from the command on the session's socket to "paused" before the first sample."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.house import House
from benchmarks.reversing import NEAR
from benchmarks.timing import MS, Row, repeated, row

ROUNDS = 15

ANEW, BY_COPY = 500, 200
"""Milliseconds that it may take: with a process of its own, and where a copy of the training waits."""


def rows() -> Iterator[Row]:
    """Reset of a paused and of a running session, without copies and with them."""
    seed = NEAR["the seed's loop"][0]
    yield from _rows("without copies", House(*seed), ANEW)
    for name, (target, _) in NEAR.items():
        yield from _rows(name, House(*target, reverse=True), BY_COPY)


def _rows(name: str, house: House, most: float) -> Iterator[Row]:
    def reset_running() -> float:
        house.run_to(house.status.steps + 30)
        return repeated(house.reset, 1)[0]

    with house:
        house.step(100)
        yield row(
            f"reset while paused, {name}", [s * MS for s in repeated(house.reset, ROUNDS)], "ms", target=most
        )
        running = [reset_running() * MS for _ in range(ROUNDS)]
        yield row(f"reset while running, {name}", running, "ms", target=most)
