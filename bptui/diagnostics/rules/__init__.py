"""The rules: one row each; the numbers are in presets/*.toml."""

from __future__ import annotations

from bptui.diagnostics.rules.activations import ACTIVATIONS
from bptui.diagnostics.rules.finite import FINITE
from bptui.diagnostics.rules.gradients import GRADIENTS
from bptui.diagnostics.rules.labels import IMBALANCE
from bptui.diagnostics.rules.loss import LOSS
from bptui.diagnostics.rules.noted import NOTES
from bptui.diagnostics.rules.updates import UPDATES
from bptui.diagnostics.rules.weights import WEIGHTS

RULES = (*FINITE, *NOTES, *LOSS, *GRADIENTS, *UPDATES, *WEIGHTS, *ACTIVATIONS, IMBALANCE)
"""All of them, in the order in which what they find is listed."""

BY_NAME = {rule.name: rule for rule in RULES}
