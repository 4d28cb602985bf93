"""What formats share: their columns, and the file of those of text."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from bptui.errors import BptuiError
from bptui.records import LOSSES, ParameterStats, RecordedSample

COLUMNS = ("input", "target", "output", "loss", "grad", "weight", "weight_after", "by_hand")
"""The quantities in the order in which they are written, after step, epoch and index."""

NORMS = ("weight_norm", "grad_norm", "update_norm", "update_ratio")
"""What is written of a parameter: ‖w‖ after the update, ‖grad‖, ‖Δw‖, and ‖Δw‖ / ‖w‖."""


def losses(sample: RecordedSample) -> tuple[float, ...]:
    """The loss of each backward pass of a sample that has several; of very many, the last ones."""
    return sample.quantities[LOSSES].values if LOSSES in sample.quantities else ()


def norms(stats: ParameterStats) -> dict[str, float | None]:
    """The `NORMS` of a parameter, None for one that is not known."""
    return dict(zip(NORMS, (stats.weight, stats.grad, stats.update, stats.ratio), strict=True))


@contextlib.contextmanager
def new_file(output: Path) -> Iterator[TextIO]:
    """A file to write, or stdout for "-"; what was begun and not finished is removed.

    Raises:
        BptuiError: There is a file already.
        OSError: It can not be made or written.
    """
    if str(output) == "-":
        yield sys.stdout
        return
    if output.is_file() or output.is_dir():
        raise BptuiError(f"{output} exists already; an export never overwrites a file")
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        if output.is_file():  # no device, no pipe
            output.unlink()
        raise
