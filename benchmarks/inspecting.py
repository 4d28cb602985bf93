"""From the key that opens a tensor of the debuggee to its numbers on a real terminal: 10⁴ and 10⁸ elements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.house import House
from benchmarks.terminal import Terminal, until
from benchmarks.timing import MS, Row, row

SIZES = (10_000, 100_000_000)
ROUNDS = 12
OPEN = 100  # ms
_SHOWN = "float32  cpu"
"""Stands behind a tensor's name once the debuggee has answered."""


def rows() -> Iterator[Row]:
    """Until shape, heat map and grid are there; and until the statistics of all elements are, too."""
    with ExitStack() as stack:
        apps = {size: _app(stack, size) for size in SIZES}
        opened: dict[int, list[float]] = {size: [] for size in SIZES}
        counted: dict[int, list[float]] = {size: [] for size in SIZES}
        for _ in range(ROUNDS):
            for size, app in apps.items():
                moments = app.press("x")
                opened[size].append(until(moments, _SHOWN) * MS)
                while not any("zeros" in line for line in app.display):
                    moments = app.follow(bool)
                counted[size].append(until(moments, "zeros") * MS)
                app.press("\x1b")
        for size in SIZES:
            target: float | None = OPEN if size == SIZES[-1] else None
            yield row(f"x: key → numbers of a tensor of {size:,}", opened[size], "ms", target=target)
            yield row(f"x: key → its statistics, {size:,}", counted[size], "ms")


def _app(stack: ExitStack, size: int) -> Terminal:
    house = stack.enter_context(House("benchmarks.loops:beside", "--elements", str(size)))
    house.step(1)
    terminal = stack.enter_context(Terminal("attach", house.socket.stem))
    terminal.follow(lambda seen: b"paused" in seen)
    terminal.press("4")  # Source
    terminal.press("\t")  # its variables, of which the matrix is the first
    return terminal
