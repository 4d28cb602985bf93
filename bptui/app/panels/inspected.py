"""What panels hand over to be inspected."""

from __future__ import annotations

from typing import NamedTuple

from bptui.protocol import TensorRef
from bptui.records import TensorSummary


class Quantity(NamedTuple):
    """A quantity or a fact.

    Attributes:
        name: What it is called.
        value: What was recorded of it; of a fact, its text.
        ref: The tensor itself, as long as the training stands there.
        before: What was recorded of it at the sample before.
        before_steps: How many samples there were then.
    """

    name: str
    value: TensorSummary | str
    ref: TensorRef | None = None
    before: TensorSummary | None = None
    before_steps: int = -1

    @property
    def is_fact(self) -> bool:
        """Whether it is but words."""
        return isinstance(self.value, str) and self.ref is None


Inspected = tuple[Quantity, ...]
"""All that belongs to what is selected."""
