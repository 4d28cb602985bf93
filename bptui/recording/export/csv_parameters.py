"""CSV of parameters: one row per parameter and sample, of the samples at which they were measured."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from bptui.recording.export.beside import Beside
from bptui.recording.export.text import NORMS, new_file, norms
from bptui.records import RecordedSample


def write(samples: Iterable[RecordedSample], beside: Beside, output: Path) -> None:
    """Write the norms as rows; one that is not known is an empty cell, other words are nan and inf."""
    with new_file(output) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("step", "epoch", "index", "parameter", *NORMS))
        for sample in samples:
            for name, stats in beside.statistics(sample):
                cells = ["" if value is None else repr(value) for value in norms(stats).values()]
                rows.writerow((sample.step, sample.epoch, sample.index, name, *cells))
