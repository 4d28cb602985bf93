"""Generator-based training loops, one lesson a file."""

from __future__ import annotations

_NAMES = ("linear", "xor", "softmax", "cnn", "rnn", "attention", "vanishing", "momentum", "broken")

LESSONS = {name: f"bptui.loops.{name}:{name}" for name in _NAMES}
"""What may stand as a target by its short name, without importing torch to know it; in the order to take them."""
