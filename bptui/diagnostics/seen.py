"""What rules are shown of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from bptui.protocol import Graph


class SampleSeen(NamedTuple):
    """The numbers of a sample: of a quantity of several elements its norm, None where there is none.

    Attributes:
        step: Its step.
        loss: The loss.
        grad: The gradient.
        weight: The weight after the update.
        output: The output.
    """

    step: int
    loss: float | None
    grad: float | None
    weight: float | None
    output: float | None


class ParameterSeen(NamedTuple):
    """A parameter at a sample; the norms as in `ParameterStats`.

    Attributes:
        name: Its name.
        shape: Its shape.
        weight: ‖w‖ after the update.
        grad: ‖∂loss/∂w‖, None if it got none.
        update: ‖Δw‖, None if it was not measured.
        bend: (g' − g)·Δw, of its gradients before and after the update: ‖Δw‖² times the curvature along it. None
            unless all its elements are known at two samples in a row.
    """

    name: str
    shape: tuple[int, ...]
    weight: float | None
    grad: float | None
    update: float | None
    bend: float | None = None

    @property
    def numel(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def is_matrix(self) -> bool:
        """Whether it is a weight of two dimensions or more: biases and scales may begin at 0, and hardly count."""
        return len(self.shape) > 1

    @property
    def pull(self) -> float | None:
        """‖∂loss/∂w‖ / ‖w‖, None where it is not known."""
        return None if self.grad is None or not self.weight else self.grad / self.weight

    @property
    def grad_rms(self) -> float | None:
        """The root mean square of its gradient's elements, None if it got none."""
        return None if self.grad is None else self.grad / math.sqrt(max(self.numel, 1))

    @property
    def ratio(self) -> float | None:
        """‖Δw‖ / ‖w‖, None where it is not known."""
        return None if self.update is None or not self.weight else self.update / self.weight


class ParametersSeen(NamedTuple):
    """All parameters at a sample at which they were measured.

    Attributes:
        step: The step.
        loss: Its loss, None where it has several or none.
        is_updated: Whether the sample ended with an update, as far as is known: a micro-batch may have none.
        parameters: The parameters.
    """

    step: int
    loss: float | None
    is_updated: bool
    parameters: Sequence[ParameterSeen]


class GraphSeen(NamedTuple):
    """A sample that was traced.

    Attributes:
        step: The step.
        graph: Its graph.
    """

    step: int
    graph: Graph


class NoteSeen(NamedTuple):
    """What the debuggee has noticed by itself, from a step on until it says otherwise.

    Attributes:
        step: The step.
        about: What it is: as in `protocol.Noticed`.
        subjects: The parameters it is about; without any, it is so no more.
    """

    step: int
    about: str
    subjects: tuple[str, ...]
