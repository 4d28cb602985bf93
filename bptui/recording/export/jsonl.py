"""JSON lines: one object per sample, for jq, pandas and scripts.

JSON has no NaN and no infinities, so they are written as the strings "NaN", "Infinity" and "-Infinity": every JSON
reader takes them, and both Python's `float(...)` and JavaScript's `Number(...)` turn them back into the number.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bptui.recording.export.beside import Beside
from bptui.recording.export.text import COLUMNS, losses, new_file, norms
from bptui.records import LOSSES, Edit, Hit, ParameterStats, RecordedSample, TensorSummary


def write(samples: Iterable[RecordedSample], beside: Beside, output: Path) -> None:
    """Write the samples as lines: a number for one element, a summary for several, null for an absent quantity.

    "losses" holds that of each of several backward passes, "lr" the learning rate of each parameter group
    by optimizer, "parameters" the norms of each parameter by name, null where they were not measured, "edits"
    what was set by hand before the sample was over, "hits" the breakpoints that have hit in it or after it.
    """
    with new_file(output) as file:
        for sample in samples:
            line: dict[str, Any] = {"step": sample.step, "epoch": sample.epoch, "index": sample.index}
            line |= {name: _value(sample.quantities.get(name)) for name in COLUMNS}
            line["lr"] = {each.optimizer: [_strict(rate) for rate in each.rates] for each in sample.rates} or None
            line[LOSSES] = [_strict(loss) for loss in losses(sample)] or None
            line["edits"] = [_without_step(each) for each in beside.edits(sample)] or None
            line["hits"] = [_without_step(each) for each in beside.hits(sample)] or None
            line["parameters"] = {name: _norms(stats) for name, stats in beside.statistics(sample)} or None
            file.write(json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n")


def _without_step(record: Edit | Hit) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(record).items() if key != "step"}


def _norms(stats: ParameterStats) -> dict[str, Any]:
    return {name: _strict(value) for name, value in norms(stats).items()}


def _value(summary: TensorSummary | None) -> Any:
    if summary is None:
        return None
    if summary.item is not None:
        return _strict(summary.item)
    return {key: _strict(value) for key, value in dataclasses.asdict(summary).items()}


def _strict(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_strict(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value
