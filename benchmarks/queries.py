"""What the screen asks a recording for, at 10³ and at 10⁶ samples: it must cost the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.synthetic import IN_AN_EPOCH, recording
from benchmarks.timing import MS, Row, interleave, repeated, row
from bptui.recording.reader import Reader

SIZES = (1_000, 1_000_000)
ROUNDS = 50


def rows() -> Iterator[Row]:
    """A window of samples, a plot's columns, an epoch's end, and what a sample takes on disk."""
    readers = {size: Reader(recording(size)) for size in SIZES}
    for name, query in QUERIES.items():
        cases = {str(size): _timer(query, reader, size) for size, reader in readers.items()}
        values = interleave(cases, ROUNDS)
        base = sorted(values[str(SIZES[0])])[ROUNDS // 2]
        for size in SIZES:
            found = values[str(size)]
            ratio = sorted(found)[ROUNDS // 2] / base
            yield row(f"{name}, {size:,} samples", [value * MS for value in found], "ms", ratio=ratio)
    for reader in readers.values():
        reader.close()
    # The seed's loop converges, and SQLite stores a double that is a small whole number in one byte.
    yield Row("recording of ever new numbers, per sample", recording(SIZES[1]).stat().st_size / SIZES[1], "bytes")


def _timer(query: Callable[[Reader, int], object], reader: Reader, size: int) -> Callable[[], float]:
    return lambda: repeated(lambda: query(reader, size), 1)[0]


QUERIES: dict[str, Callable[[Reader, int], object]] = {
    "window of 40 samples": lambda reader, size: reader.samples(0, size // 2, size // 2 + 40),
    "100 columns of the loss": lambda reader, size: reader.columns(0, size, "loss", 100),
    "the epoch of a sample": lambda reader, size: reader.epoch_end_at(0, size - IN_AN_EPOCH // 2),
    "the number of samples": lambda reader, size: reader.steps(0),
}
