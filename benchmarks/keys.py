"""From a key to its frame on a real terminal, live, with 10³ and 10⁶ samples recorded; and the app's memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.house import House
from benchmarks.terminal import Terminal, complete
from benchmarks.timing import MS, Row, row

SIZES = (1_000, 1_000_000)
ROUNDS = 20
KEYS = {"s": "step a sample", "S": "look back"}
COMPLETE = 60  # ms


def rows() -> Iterator[Row]:
    """First byte and complete frame of each key at each size, and what the app then holds."""
    with ExitStack() as stack:
        apps = {size: _app(stack, size) for size in SIZES}
        for key, name in KEYS.items():
            first: dict[int, list[float]] = {size: [] for size in SIZES}
            whole: dict[int, list[float]] = {size: [] for size in SIZES}
            for _ in range(ROUNDS):
                for size, app in apps.items():
                    moments = app.press(key)
                    first[size].append(moments[0][0] * MS)
                    whole[size].append(complete(moments) * MS)
            for size in SIZES:
                yield row(f"{name}: key → first byte, {size:,} samples", first[size], "ms")
                target: float | None = COMPLETE if size == SIZES[-1] else None
                yield row(f"{name}: key → complete frame, {size:,} samples", whole[size], "ms", target=target)
        for size, app in apps.items():
            target = 100.0 if size == SIZES[-1] else None
            yield Row(f"app memory (RSS), {size:,} samples", _memory(app, "Rss"), "MB", target=target)
            yield Row(f"app memory (PSS), {size:,} samples", _memory(app, "Pss"), "MB")


def _app(stack: ExitStack, size: int) -> Terminal:
    house = stack.enter_context(House("benchmarks.loops:seed_after", "--count", str(size)))
    house.run_to(size + 1)
    house.pause()
    terminal = stack.enter_context(Terminal("attach", house.socket.stem))
    terminal.follow(lambda seen: b"paused" in seen)
    terminal.press("s")  # the first key of all also compiles and caches
    return terminal


def _memory(app: Terminal, kind: str) -> float:
    text = Path(f"/proc/{app.pid}/smaps_rollup").read_text()
    return int(text.partition(f"{kind}:")[2].split()[0]) * 1024 / 1e6
