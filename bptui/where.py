"""Where in a run it is, counted as people count."""

from __future__ import annotations

from bptui.records import InsideStop, RecordedSample


def where(sample: RecordedSample | None, inside: InsideStop | None = None) -> str:
    """Which moment it is: a sample, or a stop inside the one after it."""
    if inside is not None:
        return f"{next_sample(sample)} · {place_inside(inside)}"
    return place(sample) if sample else "before the first sample"


def place_inside(inside: InsideStop) -> str:
    """Where in a sample it is: "forward op 4 mul", "backward node 3/7 MulBackward0"."""
    of = f"/{inside.total}" if inside.total else ""
    unit = {"forward": "op", "backward": "node", "update": "step"}[inside.phase]
    return f"{inside.phase} {unit} {inside.position}{of} {inside.op}"


def next_sample(sample: RecordedSample | None) -> str:
    """The sample after a complete one, as far as it is known where it is."""
    if sample is None:
        return "first sample"
    following = next_place(sample)
    return f"epoch {following[0]} · sample {following[1]}" if following else f"after {place(sample)}"


def next_place(sample: RecordedSample | None) -> tuple[int, int] | None:
    """The epoch of the sample after a complete one, and its position from 1; None where nobody knows."""
    if sample is None or sample.layout.samples is None:
        return None
    is_last = sample.index + 1 >= sample.layout.samples
    return (sample.epoch + 1, 1) if is_last else (sample.epoch, sample.index + 2)


def place(sample: RecordedSample) -> str:
    """Where a sample is in the run, counted as people count."""
    return f"epoch {sample.epoch} · sample {sample.index + 1}"
