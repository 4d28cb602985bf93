"""The derivatives of the common ops, grouped by kind."""

from __future__ import annotations

import re

from bptui.explain.rule import Rule
from bptui.explain.rules.activations import ACTIVATIONS
from bptui.explain.rules.attention import ATTENTION
from bptui.explain.rules.convolution import CONVOLUTION
from bptui.explain.rules.losses import LOSSES
from bptui.explain.rules.matmul import MATMUL
from bptui.explain.rules.normalisation import NORMALISATION
from bptui.explain.rules.pointwise import POINTWISE
from bptui.explain.rules.pooling import POOLING
from bptui.explain.rules.reductions import REDUCTIONS
from bptui.explain.rules.shapes import SHAPES

RULES: dict[str, Rule] = {
    **POINTWISE, **ACTIVATIONS, **REDUCTIONS, **MATMUL, **LOSSES, **NORMALISATION,
    **CONVOLUTION, **POOLING, **SHAPES, **ATTENTION,
}  # fmt: skip
"""By the op's name in ATen, which all overloads share."""

_BY_NODE = {name.replace("_", "").lower(): rule for name, rule in RULES.items()}


def rule_of(node: str) -> Rule | None:
    """The rule of an autograd node: "NllLossBackward0" and "LogSoftmaxBackward0" have one."""
    stem = re.sub(r"Backward\d+(_copy)?$", "", node)
    return _BY_NODE.get(stem.lower())
