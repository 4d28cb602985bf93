"""Says what is wrong with a training, from what was recorded of it."""

from __future__ import annotations

from bptui.diagnostics.diagnosis import Diagnosis
from bptui.diagnostics.finding import Finding
from bptui.diagnostics.limits import PRESETS, Limits, read_limits

__all__ = ["PRESETS", "Diagnosis", "Finding", "Limits", "read_limits"]
