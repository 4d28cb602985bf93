"""CSV: one row per sample, numbers as Python's repr, so that no digit is lost."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from bptui.recording.export.beside import Beside
from bptui.recording.export.text import COLUMNS, losses, new_file
from bptui.records import LOSSES, RecordedSample, TensorSummary


def write(samples: Iterable[RecordedSample], beside: Beside, output: Path) -> None:
    """Write the samples as rows; an absent quantity is an empty cell, other words are nan, inf and -inf.

    Several learning rates, and the losses of several backward passes, stand in one cell with spaces between them;
    what was set by hand before the sample, and the breakpoints that have hit in it, with semicolons.
    """
    with new_file(output) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("step", "epoch", "index", *COLUMNS, "lr", LOSSES, "edits", "hits"))
        for sample in samples:
            cells = [_cell(sample.quantities.get(name)) for name in COLUMNS]
            cells.append(_list([rate for each in sample.rates for rate in each.rates]))
            cells.append(_list(losses(sample)))
            cells.append("; ".join(f"{each.what}: {each.old} → {each.new}" for each in beside.edits(sample)))
            cells.append("; ".join(each.text for each in beside.hits(sample)))
            rows.writerow((sample.step, sample.epoch, sample.index, *cells))


def _list(numbers: Iterable[float | None]) -> str:
    return " ".join(map(repr, numbers))


def _cell(summary: TensorSummary | None) -> str:
    if summary is None:
        return ""
    return repr(summary.item) if summary.item is not None else in_words(summary)


def in_words(summary: TensorSummary) -> str:
    """A tensor of several elements in one line: "float32[2,3] min=-1.0 max=1.0 mean=0.0 std=1.0 norm=2.4"."""
    stats = {name: getattr(summary, name) for name in ("min", "max", "mean", "std", "norm")}
    counts = {"nan": summary.nans, "inf": summary.pos_infs, "-inf": summary.neg_infs}
    words = [f"{name}={value!r}" for name, value in stats.items() if value is not None]
    words += [f"{name}={count}" for name, count in counts.items() if count]
    return " ".join([f"{summary.dtype}[{','.join(map(str, summary.shape))}]", *words])
