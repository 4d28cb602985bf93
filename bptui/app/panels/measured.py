"""What is known of the parameters at the sample shown, or at the last one before it that was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bptui.app.numbers import shape
from bptui.app.panels.inspected import Inspected, Quantity
from bptui.app.panels.parameter_norms import marks, ratio, together, worst
from bptui.app.view import View
from bptui.protocol import TensorRef
from bptui.recording.parameters import Norms
from bptui.recording.reader import Reader
from bptui.records import Parameter, ParameterStats
from bptui.where import place

MARK_STYLES = {"NaN": "error", "Inf": "error", "none": "warning", "zero": "warning", "frozen": "muted"}
"""How each mark stands out: what `$text-…` it has."""

_TENSORS = 100
"""So many tensors of a module are listed, the first ones."""


@dataclass(frozen=True)
class Measured:
    """Parameters and their norms.

    Attributes:
        parameters: All of them, in forward order.
        norms: The norms of each.
        place: Of which sample the norms are.
        note: What is to be said of them, if they are not of the sample shown.
    """

    parameters: tuple[Parameter, ...] = ()
    norms: Norms = field(default_factory=Norms)
    place: str = ""
    note: str = ""

    def together(self, members: Iterable[int]) -> ParameterStats | None:
        """The norms of some parameters taken as one."""
        return together(self.norms, members)

    def ratio(self, members: Iterable[int]) -> float | None:
        """‖Δw‖ / ‖w‖ of some parameters."""
        return ratio(self.norms, members)

    def worst(self, members: Iterable[int]) -> tuple[str, int]:
        """The worst mark among some parameters, and how many of them have it."""
        return worst([self._marks[i] for i in members])

    @cached_property
    def _marks(self) -> list[str]:
        return marks(self.parameters, self.norms)

    def quantities(self, members: Sequence[int]) -> Inspected:
        """The tensors of some parameters, then what is known of all of them together."""
        tensors = [
            Quantity(each.name, _kind(each), TensorRef("parameter", i, each.name))
            for i, each in ((i, self.parameters[i]) for i in members[:_TENSORS])
        ]
        return (*tensors, *(Quantity(*fact) for fact in self.facts(members)))

    def facts(self, members: Sequence[int]) -> tuple[tuple[str, str], ...]:
        """Some parameters in full."""
        among = [self.parameters[i] for i in members]
        norms, share, (worst, count) = self.together(members), self.ratio(members), self.worst(members)
        return (
            ("shape", shape(among[0]) if len(among) == 1 else f"{len(among):,} parameters"),
            ("elements", f"{numel(among):,}"),
            ("dtype", ", ".join(sorted({each.dtype for each in among}))),
            ("device", ", ".join(sorted({each.device for each in among}))),
            ("‖w‖", f"{_full(norms.weight if norms else None)}  after the update"),
            ("‖grad‖", f"{_full(norms.grad if norms else None)}  as the update used it"),
            ("‖Δw‖", _full(norms.update if norms else None)),
            ("‖Δw‖/‖w‖", _full(share) + (f"  log10 {math.log10(share):.2f}" if share else "")),
            ("marked", f"{worst} in {count:,} of {len(among):,}" if worst else "–"),
            ("statistics", ", ".join(filter(None, (self.place, self.note)))),
        )


def measured(view: View, reader: Reader) -> Measured:
    """What is known at the sample that a view shows."""
    at = reader.parameter_step(view.branch, view.step) if view.sample else None
    norms = None if at is None else reader.parameter_stats(view.branch, at)
    if at is None or norms is None:
        nothing = (None,) * len(view.parameters)
        return Measured(view.parameters, Norms(nothing, nothing, nothing), note="no statistics yet")
    parameters = view.parameters if at == view.step else reader.parameters(view.branch, at)
    sample = view.sample if at == view.step else reader.sample(view.branch, at)
    whose = place(sample) if sample else f"step {at}"
    note = "" if at == view.step else "of an earlier sample: not measured since"
    return Measured(parameters, norms, whose, note)


def unknown(view: View) -> str:
    """What is said where parameters would be, while none is known."""
    if view.parameters:
        return ""
    ask = "press s: " if view.awaits_first else ""
    return f"{ask}the first sample tells" if ask or view.is_running else "none seen"


def numel(parameters: Iterable[Parameter]) -> int:
    """How many elements parameters have."""
    return sum([math.prod(parameter.shape) for parameter in parameters])


def _kind(parameter: Parameter) -> str:
    return f"{shape(parameter)} {parameter.dtype} {parameter.device}"


def _full(value: float | None) -> str:
    return "–" if value is None else repr(value)
