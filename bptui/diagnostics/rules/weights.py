"""Weights that are all zero, or were begun with a wrong spread."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping

from bptui.diagnostics.finding import Hit
from bptui.diagnostics.rule import Hits, Rule, each, short
from bptui.diagnostics.seen import ParameterSeen, ParametersSeen


def _zero(seen: ParametersSeen, limits: Mapping[str, float]) -> Hits:
    return [
        Hit(each.name, 0.0, 0.0, f"all {each.numel:,} elements are 0")
        for each in seen.parameters
        if each.is_matrix and each.weight == 0
    ]


def _initialisation(limits: Mapping[str, float]) -> Generator[Hits, ParametersSeen, None]:
    """The gain rms(w)·√fan_in of each layer, the largest variance beside the smallest, the spread of gradients.

    A gain g multiplies the spread of what goes through; 1/√3 to √2 are usual. What comes to be so later is
    no matter of initialisation; nor is anything known of that if the first sample that was measured came late.
    """
    hits: Hits = None
    found: set[str] | None = None
    while True:
        seen: ParametersSeen = yield hits
        if found is not None and not found:
            hits = ()
            continue
        judged = [
            each for each in seen.parameters if each.is_matrix and each.weight and math.isfinite(each.weight)
        ]
        hits = [*_gains(judged, limits), *_variances(judged, limits), *_spreads(judged, limits)]
        if found is None:
            found = {hit.subject for hit in hits} if seen.step < limits["within"] else set()
        hits = [hit for hit in hits if hit.subject in found]


def _gains(parameters: list[ParameterSeen], limits: Mapping[str, float]) -> list[Hit]:
    hits = []
    for seen in parameters:
        gain = (seen.weight or 0.0) / math.sqrt(seen.shape[0])  # rms · √fan_in, as numel = shape[0] · fan_in
        limit = limits["gain_most"] if gain > limits["gain_most"] else limits["gain_least"]
        if gain > limits["gain_most"] or gain < limits["gain_least"]:
            where = "above" if gain > limit else "below"
            hits.append(Hit(seen.name, gain, limit, f"rms(w)·√fan_in is {short(gain)}, {where} {short(limit)}"))
    return hits


def _variances(parameters: list[ParameterSeen], limits: Mapping[str, float]) -> list[Hit]:
    squares = [((each.weight or 0.0) ** 2 / each.numel, each.name) for each in parameters]
    if len(squares) < 2:
        return []
    (least, _), (most, name) = min(squares), max(squares)
    ratio, limit = most / least, limits["variance_ratio"]
    said = f"its variance is {short(ratio)} × the smallest of all layers, limit {short(limit)}"
    return [Hit(name, ratio, limit, said)] if ratio > limit else []


def _spreads(parameters: list[ParameterSeen], limits: Mapping[str, float]) -> list[Hit]:
    """Gradients whose p95 − p5 is certainly below a limit.

    Quantiles are not recorded, but 5 % of the squares lie beyond each of the two, so p95 − p5 ≤ √40 · rms.
    """
    limit = limits["gradient_spread"]
    bounds = [(seen.name, math.sqrt(40) * rms) for seen in parameters if (rms := seen.grad_rms) is not None]
    return [
        Hit(name, most, limit, f"p95 − p5 of its gradient is at most {short(most)}, below {short(limit)}")
        for name, most in bounds
        if most < limit
    ]


WEIGHTS = (
    Rule(
        "zero-parameter", "parameters", each(_zero),
        "Whatever goes in, 0 comes out, and the layers before it get no gradient.",
        "Initialise it with random numbers, unless it is meant to begin with nothing.",
    ),
    Rule(
        "poor-initialisation", "parameters", _initialisation,
        "What goes through grows or shrinks by this factor at every such layer, and the gradient on its way back.",
        "Use the layer's own initialisation, or nn.init.kaiming_normal_ (before ReLU) or xavier_normal_.",
    ),
)  # fmt: skip
