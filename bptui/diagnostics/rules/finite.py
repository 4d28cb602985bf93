"""NaN and Inf: in a quantity of the sample, in a parameter, and the op that made it."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping

from bptui.diagnostics.finding import Hit
from bptui.diagnostics.rule import Hits, Rule, each
from bptui.diagnostics.seen import GraphSeen, ParametersSeen, SampleSeen
from bptui.protocol import Graph


def _sample(limits: Mapping[str, float]) -> Generator[Hits, SampleSeen, None]:
    """What a sample says nothing of is as it was: of large weights the norm is not taken every time."""
    last: dict[str, Hit | None] = {}
    hits: Hits = None
    while True:
        seen = yield hits
        named = {"loss": seen.loss, "gradient": seen.grad, "weight": seen.weight, "output": seen.output}
        last |= {name: _hit(name, value) for name, value in named.items() if value is not None}
        hits = [hit for hit in last.values() if hit]


def _parameter(seen: ParametersSeen, limits: Mapping[str, float]) -> Hits:
    pairs = [(each.name, each.grad, each.weight) for each in seen.parameters]
    return [hit for name, *values in pairs if (hit := _worst(name, *values))]


def _worst(name: str, grad: float | None, weight: float | None) -> Hit | None:
    return _hit(name, weight, "‖w‖ is ") or _hit(name, grad, "‖grad‖ is ")


def _hit(subject: str, value: float | None, what: str = "it is ") -> Hit | None:
    if value is None or math.isfinite(value):
        return None
    return Hit(subject, value, math.inf, f"{what}{'NaN' if math.isnan(value) else 'infinite'}")


def _op(seen: GraphSeen, limits: Mapping[str, float]) -> Hits:
    row, whose = first_nonfinite(seen.graph)
    if row is None:
        return ()
    node = seen.graph[row]
    summary = node.value if whose == "output" else node.grad
    assert summary is not None
    counts = ((summary.nans, "NaN"), (summary.pos_infs + summary.neg_infs, "infinite"))
    said = " and ".join(f"{count:,} {what}" for count, what in counts if count)
    subject = f"{node.name} in {node.module}" if node.module else node.name
    return [Hit(subject, summary.nonfinite, 0, f"of its {whose}'s {summary.numel:,} elements {said}", row)]


def first_nonfinite(graph: Graph) -> tuple[int | None, str]:
    """The first row whose output is not finite, else the first in backward order whose gradient is not."""
    rows = range(len(graph))
    if any(kind.nans + kind.pos_infs + kind.neg_infs for kind, _ in graph.values(rows)):
        return next(row for row in rows if (value := graph[row].value) is not None and value.nonfinite), "output"
    if any(kind.nans + kind.pos_infs + kind.neg_infs for kind, _ in graph.grads(rows)):
        back = reversed(rows)
        return next(row for row in back if (grad := graph[row].grad) is not None and grad.nonfinite), "gradient"
    return None, ""


FINITE = (
    Rule(
        "not-finite-sample", "samples", _sample,
        "What is NaN or infinite once makes every weight so at the next update.",
        "Find the op (not-finite-op); clamp what goes into log, sqrt and divisions, clip the gradient, or take a "
        "lower learning rate.",
    ),
    Rule(
        "not-finite-op", "graph", each(_op),
        "This is the first op, in the order of the pass, that is NaN or infinite: all after it have it from here.",
        "Look at its inputs with x and its derivative with y; clamp them, or take a stable form such as "
        "binary_cross_entropy_with_logits, log_softmax or logsumexp.",
    ),
    Rule(
        "not-finite-parameter", "parameters", each(_parameter),
        "A weight that is NaN or infinite stays so: nothing after it can be learnt.",
        "Look at the sample before; clip gradients, lower the learning rate, and skip an update whose gradient is "
        "not finite.",
    ),
)  # fmt: skip
