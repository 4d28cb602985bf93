"""`bptui check`: what is wrong with a training, from its recording."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from pathlib import Path

from bptui.diagnostics import Diagnosis, Finding, read_limits
from bptui.errors import BptuiError
from bptui.recording.reader import Reader


def check(recording: Path, form: str, preset: str, rules: Path | None, branch: int | None) -> int:
    """Print what the rules find in a branch of a recording.

    Returns:
        0 if nothing was found, 1 if something was.

    Raises:
        BptuiError: The recording or the rules can not be read, or there is no such branch.
    """
    limits = read_limits(preset, rules)
    reader = Reader(recording)
    branches = reader.branches()
    chosen = branches[-1].id if branch is None else branch
    if chosen not in [each.id for each in branches]:
        raise BptuiError(f"{recording} has no branch {chosen}; its branches are 0 to {branches[-1].id}")
    diagnosis = Diagnosis(reader, chosen, limits)
    steps = reader.steps(chosen)
    diagnosis.follow(steps)
    found = diagnosis.findings
    if form == "json":
        print(json.dumps({"branch": chosen, "samples": steps, "findings": [*map(_as_json, found)],
                          "more": diagnosis.crowded}, ensure_ascii=False, indent=1))  # fmt: skip
    else:
        print(_as_text(found, diagnosis.crowded, steps))
    return int(bool(found))


def _as_text(found: tuple[Finding, ...], crowded: dict[str, int], steps: int) -> str:
    if not found:
        return f"nothing found in {steps:,} samples"
    lines = []
    for (rule, *told), each_of_it in itertools.groupby(found, lambda each: (each.rule, each.why, each.advice)):
        for each in each_of_it:
            lines += [f"{rule}{': ' * bool(each.subject)}{each.subject}", f"    {each.when}: {each.said}"]
        lines += [f"    {text}" for text in told]  # the same of all of them
    lines += [f"{rule}: {count:,} more like these" for rule, count in crowded.items()]
    return "\n".join(lines)


def _as_json(finding: Finding) -> dict[str, object]:
    """Its fields; numbers that JSON does not have as text."""
    fields = dataclasses.asdict(finding)
    return {
        key: repr(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in fields.items()
    }
