"""Updates that are too large, too small, or missing."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence

from bptui.diagnostics.finding import Hit
from bptui.diagnostics.rule import Hits, Rule, each, short
from bptui.diagnostics.seen import ParameterSeen, ParametersSeen

_ALIKE = 0.02
"""Steps that differ by no more are of one learning rate: their norms are of float32, or of 64 elements."""


def _ratio(seen: ParametersSeen, limits: Mapping[str, float]) -> Hits:
    """‖Δw‖/‖w‖; about 1e-3 is usual (CS231n)."""
    if not seen.is_updated or not any(each.update for each in seen.parameters):
        return None
    hits = [_beyond(each, limits["high"], limits["low"]) for each in seen.parameters if each.is_matrix]
    return [hit for hit in hits if hit is not None]


def _beyond(seen: ParameterSeen, high: float, low: float) -> Hit | None:
    ratio = seen.ratio
    if ratio is None or seen.grad is None:
        return None
    if ratio > high:
        return Hit(seen.name, ratio, high, f"‖Δw‖/‖w‖ is {short(ratio)}, above {short(high)}")
    return Hit(seen.name, ratio, low, f"‖Δw‖/‖w‖ is {short(ratio)}, below {short(low)}") if ratio < low else None


def _unchanged(limits: Mapping[str, float]) -> Generator[Hits, ParametersSeen, None]:
    """An update of nothing, though there is a gradient that is not small beside that of those that move.

    Where nothing moves it may be a micro-batch, unless nothing has ever moved.
    """
    still, hits = 0, None
    while True:
        seen: ParametersSeen = yield hits
        hits = None
        if not seen.is_updated or all(each.update is None for each in seen.parameters):
            continue
        pulls = [each.pull or 0.0 for each in seen.parameters if each.update]
        still = still + 1 if not pulls and still >= 0 else -1
        if pulls or still >= limits["alone"]:
            hits = _still(seen.parameters, limits["share"] * max(pulls, default=0.0), limits["ratio"])


def _still(parameters: Sequence[ParameterSeen], least: float, limit: float) -> Hits:
    is_module = any("." in each.name for each in parameters)  # then others are data that want a gradient
    return [
        Hit(each.name, ratio, limit,
            f"‖Δw‖/‖w‖ is {short(ratio)}, not above {short(limit)}; ‖grad‖/‖w‖ is {short(each.pull)}")
        for each in parameters
        if ("." in each.name or not is_module)
        and each.pull and each.pull >= least and (ratio := each.ratio) is not None and ratio <= limit
    ]  # fmt: skip


def _learning_rate(limits: Mapping[str, float]) -> Generator[Hits, ParametersSeen, None]:
    """Rate · curvature > 2: steps of plain gradient descent on a quadratic go ever further across its valley.

    The learning rate is measured: it is ‖Δw‖/‖grad‖, if that is the same for all parameters and for the sample
    before; of other optimizers the limit is another, and nothing is said. The largest curvature of a quadratic is
    at least each of two numbers: `_least` of this sample, and `_measured` by the update before.
    """
    before, rate_before = ParametersSeen(-2, None, False, ()), 0.0
    hits: Hits = None
    while True:
        seen: ParametersSeen = yield hits
        rate, hits = step_size(seen) or 0.0, None
        measured = _measured(before) if seen.step == before.step + 1 else math.nan
        found = [each for each in (_least(seen), measured) if math.isfinite(each)]
        if rate and abs(rate - rate_before) <= _ALIKE * rate and found:
            product, limit = rate * max(found), limits["product"]
            said = f"lr {short(rate)} · curvature {short(max(found))} = {short(product)}, limit {short(limit)}"
            hits = [Hit("", product, limit, said)] if product > limit else ()
        before, rate_before = seen, rate


def _measured(seen: ParametersSeen) -> float:
    """The curvature along an update, (g' − g)·Δw/‖Δw‖²; NaN unless all elements of all that moved are known.

    They are of a loop's parameters of up to 64 elements each; of a script's, only norms are recorded. As each
    batch has its own gradient, a pair of them may be beyond the limit by chance, but only if the second is longer
    than the first and turned round: several times in a row, as `steps` demands, that is hardly chance (1 in 1920
    of independent normal numbers for four, of one parameter; far less for more parameters).
    """
    moved = [each for each in seen.parameters if each.update]
    if not moved or any(each.bend is None for each in moved):
        return math.nan
    return sum(each.bend or 0.0 for each in moved) / sum((each.update or 0.0) ** 2 for each in moved)


def _least(seen: ParametersSeen) -> float:
    """‖grad‖²/(2·L), NaN if L is not known.

    The curvature of a quadratic L ≥ 0 along its gradient is at least this, by the inequality of Cauchy and
    Schwarz; that of (w·x − y)² is exactly this.
    """
    if seen.loss is None or not 0 < seen.loss < math.inf:
        return math.nan
    return sum((each.grad or 0.0) ** 2 for each in seen.parameters) / (2 * seen.loss)


def step_size(seen: ParametersSeen) -> float | None:
    """The learning rate of plain gradient descent, None if the updates were none of that."""
    moved = [each for each in seen.parameters if each.grad and each.update is not None]
    rates = [(each.update or 0.0) / each.grad for each in moved if each.grad and math.isfinite(each.grad)]
    if not rates or len(rates) < len(moved) or not min(rates) or max(rates) - min(rates) > _ALIKE * max(rates):
        return None
    return min(rates) if math.isfinite(max(rates)) else None


UPDATES = (
    Rule(
        "learning-rate-too-high", "parameters", _learning_rate,
        "Above the limit of stability each step overshoots by more than the one before: the loss grows.",
        "Lower the learning rate below 2/curvature, or scale the inputs down.",
    ),
    Rule(
        "update-ratio", "parameters", each(_ratio),
        "A thousandth of the weight is usual; far more throws away what was learnt, far less learns nothing.",
        "Change the learning rate by that factor, or clip the gradient.",
    ),
    Rule(
        "unchanged-parameter", "parameters", _unchanged,
        "It has a gradient, and yet the update leaves it as it was.",
        "See that the optimizer has it (optimizer.param_groups), that its learning rate is not 0, and that the "
        "update is not lost to rounding in a low precision.",
    ),
)  # fmt: skip
