"""How long a reset takes: from the command on the session's socket to "paused" before the first sample."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.house import House
from benchmarks.timing import MS, Row, repeated, row

ROUNDS = 15


def rows() -> Iterator[Row]:
    """Reset of a paused and of a running session."""
    with House("linear", "--epochs", "1000000") as house:
        house.step(100)
        yield row("reset while paused", [s * MS for s in repeated(house.reset, ROUNDS)], "ms", target=500)

        def reset_running() -> float:
            house.run_to(house.status.steps + 1000)
            return repeated(house.reset, 1)[0]

        yield row("reset while running", [reset_running() * MS for _ in range(ROUNDS)], "ms", target=500)
