"""`info diagnoses`: what the rules find in the branch at hand."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from pathlib import Path

from bptui.diagnostics import Diagnosis, Finding, Limits, read_limits
from bptui.errors import BptuiError
from bptui.recording.reader import Reader
from bptui.verbs.training import Training
from bptui.verbs.verb import Result


async def diagnoses(training: Training) -> Result:
    """All that the rules find, whatever sample is shown."""
    if training.reader is None:
        return Result("there is no recording yet")
    # In a thread: of a long run it takes seconds, and keys must not wait.
    where = training.reader.path, training.branch
    try:
        steps, found, more = await asyncio.to_thread(_diagnose, *where, training.limits)
    except BptuiError as error:  # of the user's numbers
        return Result(problem=str(error))
    lines = [f"{each.rule}{': ' * bool(each.subject)}{each.subject}  {each.when}: {each.said}" for each in found]
    lines += [f"{rule}: {count:,} more like these" for rule, count in more.items()]
    rows = [dataclasses.asdict(each) for each in found]
    return Result("\n".join(lines) or f"nothing found in {steps:,} samples", rows)


def _diagnose(
    recording: Path, branch: int, limits: Limits | None
) -> tuple[int, tuple[Finding, ...], Mapping[str, int]]:
    reader = Reader(recording)
    try:
        diagnosis, steps = Diagnosis(reader, branch, limits or read_limits()), reader.steps(branch)
        diagnosis.follow(steps)
        return steps, diagnosis.findings, diagnosis.crowded
    finally:
        reader.close()
