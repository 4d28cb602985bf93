"""What a recording kept of a tensor, shown like the tensor itself as far as that goes."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

from bptui.protocol import Inspect, Inspected, default_index, parse_index, short_text
from bptui.records import TensorSummary


def recorded(command: Inspect, summary: TensorSummary, before: TensorSummary | None, steps: int) -> Inspected:
    """The answer to a question, from a summary.

    Of a tensor of which not all values were kept, those that were stand as a vector.

    Args:
        command: The question.
        summary: What was recorded.
        before: Of the sample before, if that was.
        steps: How many samples there were then.

    Raises:
        BadIndex: The index can not be used.
    """
    answer = _recorded(command, summary)
    if before is None or (before.shape, len(before.values)) != (summary.shape, len(summary.values)):
        return answer
    return replace(answer, before=_recorded(command, before).values, before_steps=steps)


def _recorded(command: Inspect, summary: TensorSummary) -> Inspected:
    kept = len(summary.values)
    shape = summary.shape if kept == summary.numel else (kept,)
    parts = list(parse_index(command.index or default_index(shape), shape))
    for dim in [dim for dim, part in enumerate(parts) if isinstance(part, slice)][:-2]:
        parts[dim] = 0
    ranges = [range(n)[part] if isinstance(part, slice) else (part,) for n, part in zip(shape, parts, strict=True)]
    strides = [math.prod(shape[dim + 1 :]) for dim in range(len(shape))]
    places = (sum(map(int.__mul__, place, strides)) for place in product(*ranges))
    elements = [summary.values[place] for place in places]
    lengths = [len(each) for each, part in zip(ranges, parts, strict=True) if isinstance(part, slice)]
    is_vector = len(lengths) < 2
    columns = max(1, min(command.window[1], len(elements)) if is_vector else lengths[1])
    rows = tuple(tuple(elements[at : at + columns]) for at in range(0, len(elements), columns))
    (row, column), (height, width) = command.first, command.window
    remark = "" if kept == summary.numel else f"{kept} of {summary.numel:,} values were kept, evenly spaced"
    if "complex" in summary.dtype:
        remark = "; ".join(filter(None, ("magnitudes", remark)))
    return Inspected(
        command.request, remark=remark, shape=summary.shape, dtype=summary.dtype, device=summary.device,
        dims=shape, index=short_text(parts, shape), size=(len(rows), columns), is_vector=is_vector,
        first=command.first,
        values=tuple(line[column : column + width] for line in rows[row : row + height]),
        heat=rows if min(command.heat) > 0 else (),
    )  # fmt: skip


def histogram(summary: TensorSummary, bins: int) -> tuple[int, ...]:
    """How many elements lie in each bin; nothing if not all of them were kept."""
    low, high = summary.min, summary.max
    if len(summary.values) != summary.numel or low is None or high is None or high - low <= 0 or bins < 1:
        return ()
    counts = [0] * bins
    for value in filter(math.isfinite, summary.values):
        counts[min(bins - 1, int((value - low) / (high - low) * bins))] += 1
    return tuple(counts)
