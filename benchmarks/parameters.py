"""Ten thousand parameters on a real terminal: from a key to its frame, in Parameters and beside it."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.house import House
from benchmarks.terminal import Terminal, complete
from benchmarks.timing import MS, Row, row

ROUNDS = 10
COMPLETE = 100  # ms

KEYS = {
    "step a sample": ("s",),
    "look back and return": ("S", "N"),
    "move": ("\x1b[B", "\x1b[A"),
    "fold and unfold": ("\r", "\r"),
    "sort": (">",),
    "turn the order": ("<",),
}
"""What is done, by keys of which each draws a frame."""


def rows() -> Iterator[Row]:
    """Each key, with a sample that uses a hundred of the parameters."""
    with House("benchmarks/training/wide.py", "1") as house:
        house.step(2)
        with Terminal("attach", house.socket.stem) as app:
            app.follow(lambda seen: b"paused" in seen)
            app.press("s")
            app.press("7")
            app.follow(bool)  # until its time as a count is up
            for name, keys in KEYS.items():
                frames = [complete(app.press(key)) * MS for key in keys * ROUNDS]
                yield row(f"{name}: key → complete frame, 10,000 parameters", frames, "ms", target=COMPLETE)
