"""Norms of parameters: of several taken together, as a ratio, in order, and what is wrong with a gradient."""

from __future__ import annotations

import fnmatch
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from bptui.app.panels.parameter_tree import shown_name
from bptui.recording.parameters import Norms
from bptui.records import Parameter, ParameterStats

MARKS = ("NaN", "Inf", "none", "zero", "frozen")
"""What may be wrong with a gradient, the worst first: "none" was not computed at all, "frozen" is not wanted."""

ORDERS = ("forward", "name", "weight", "grad", "ratio", "size")
"""What parameters can be sorted by; numbers come the largest first."""


def together(norms: Norms, members: Iterable[int]) -> ParameterStats | None:
    """The norms of several parameters taken as one long vector, as far as they are known; None if none is."""
    columns = (norms.weight, norms.grad, norms.update)
    found = ParameterStats(*[joined([column[i] for i in members]) for column in columns])
    return None if found == (None, None, None) else found


def joined(norms: Iterable[float | None]) -> float | None:
    """The root of the sum of squares of those that are known; NaN if one is, else infinite if one is."""
    known = [norm for norm in norms if norm is not None]
    if not known:
        return None
    norm = math.hypot(*known)  # which takes an infinity for more than a NaN
    return math.nan if norm == math.inf and any(map(math.isnan, known)) else norm


def ratio(norms: Norms, members: Iterable[int]) -> float | None:
    """‖Δw‖ / ‖w‖, about 1e-3 in a training that goes well, over those whose update was measured; else None."""
    measured = together(norms, [i for i in members if norms.update[i] is not None])
    return measured.ratio if measured else None


def marks(parameters: Sequence[Parameter], norms: Norms) -> list[str]:
    """For each parameter one of `MARKS`, or empty: the gradient is as it should be, or nothing is known of it."""
    return [
        "" if grad and grad < math.inf and not parameter.is_frozen else _mark(parameter, grad, is_known)
        for parameter, grad, is_known in zip(parameters, norms.grad, norms.known, strict=True)
    ]


def _mark(parameter: Parameter, grad: float | None, is_known: bool) -> str:
    if grad is not None and not math.isfinite(grad):
        return "NaN" if math.isnan(grad) else "Inf"
    if parameter.is_frozen:
        return "frozen"
    return "zero" if grad == 0 else "none" if grad is None and is_known else ""


def worst(marks: Iterable[str]) -> tuple[str, int]:
    """The worst mark and how many have it; ("", 0) if none has any."""
    counts = Counter(marks)
    return next(((each, counts[each]) for each in MARKS if counts[each]), ("", 0))


def in_order(
    order: str, reverse: bool, parameters: Sequence[Parameter], norms: Norms, kept: Iterable[int]
) -> list[int]:
    """The places of parameters in one of `ORDERS`; what is not known comes last, NaN before all numbers."""
    kept = list(kept)
    if order == "forward":
        return kept[::-1] if reverse else kept
    if order == "name":
        return sorted(kept, key=lambda i: _natural(shown_name(i, parameters[i].name)), reverse=reverse)
    values = {i: _value(order, parameters[i], norms, i) for i in kept}
    known = [i for i in kept if values[i] is not None]
    known.sort(key=lambda i: _magnitude(values[i]), reverse=not reverse)
    return known + [i for i in kept if values[i] is None]


def matches(pattern: str) -> Callable[[str], bool]:
    """Whether a name has a pattern in it, as letters or as a glob ("h.*.bias"); case does not count."""
    if not pattern:
        return lambda name: True
    wanted = pattern.casefold()
    glob = re.compile(fnmatch.translate(f"*{wanted}*")).match
    return lambda name: wanted in name.casefold() or glob(name.casefold()) is not None


def _value(order: str, parameter: Parameter, norms: Norms, index: int) -> float | None:
    if order == "size":
        return math.prod(parameter.shape)
    if order == "ratio":
        return ratio(norms, (index,))
    return norms.weight[index] if order == "weight" else norms.grad[index]


def _magnitude(value: float | None) -> tuple[bool, float]:
    return value != value, value or 0.0


@lru_cache(maxsize=1 << 14)
def _natural(name: str) -> list[str]:
    """So that blocks.10 comes after blocks.9."""
    return [part.zfill(20) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
