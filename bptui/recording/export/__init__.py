"""A recording in other programs' formats: one format a file, read in windows, so that any length fits."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from bptui.errors import BptuiError, RecordingError
from bptui.recording.export.beside import Beside
from bptui.recording.reader import Reader
from bptui.records import RecordedSample

FORMATS = ("csv", "csv-parameters", "jsonl", "tensorboard")
"""The modules of this package, each with `write(samples, beside, output)`."""

WINDOW = 1000
"""So many samples are in memory at a time."""


def export(recording: Path, format: str, output: Path, branch: int | None) -> None:  # noqa: A002
    """Write the samples of a branch to a file, or to a directory for TensorBoard.

    Args:
        recording: What to read; it may be of a run that is still going on.
        format: One of `FORMATS`.
        output: Where to write; "-" is stdout.
        branch: Which branch, None for the newest.

    Raises:
        BptuiError: The recording can not be read, has no such branch, or the output is there or can not be made.
    """
    if format not in FORMATS:
        raise BptuiError(f"no export format {format!r}: there are {', '.join(FORMATS)}")
    reader = Reader(recording)
    try:
        chosen = _branch(reader, branch)
        # Imported by name, so that a CSV export needs no TensorBoard library.
        module = importlib.import_module(f"{__name__}.{format.replace('-', '_')}")
        module.write(_samples(reader, chosen), Beside(reader, chosen), output)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise BptuiError(f"can not export to {output}: {error.strerror or error}") from error
    finally:
        reader.close()


def _branch(reader: Reader, asked: int | None) -> int:
    ids = [branch.id for branch in reader.branches()]
    if not ids:
        raise RecordingError(f"{reader.path} holds no samples yet")
    if asked is not None and asked not in ids:
        raise RecordingError(f"{reader.path} has no branch {asked}: its branches are {', '.join(map(str, ids))}")
    return ids[-1] if asked is None else asked


def _samples(reader: Reader, branch: int) -> Iterator[RecordedSample]:
    steps = reader.steps(branch)
    for start in range(0, steps, WINDOW):
        yield from reader.samples(branch, start, min(start + WINDOW, steps))
