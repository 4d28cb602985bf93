"""Generator-based training loops, one lesson a file."""

from __future__ import annotations

LESSONS = {"linear": "bptui.loops.linear:linear"}
"""What may stand as a target by its short name, without importing torch to know it."""
