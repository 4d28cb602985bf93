"""The parameters of an optimizer around its step: value, gradient and state of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from types import FrameType
from typing import Any

from bptui.debuggee.live import Found, copies
from bptui.debuggee.names import Names
from bptui.debuggee.stats import try_summarise
from bptui.records import Part, TensorSummary

MOST = 200
"""So many parameters are shown, the first ones: five summaries of each are read, some 50 µs and more if large."""


class OptimizerParts:
    """One step of an optimizer.

    Attributes:
        name: The optimizer's class.
        left_out: How many parameters are not shown.
    """

    def __init__(self, optimizer: Any, frames: Sequence[FrameType]) -> None:
        """Read what there is before the step."""
        self._optimizer = optimizer
        self.name = type(optimizer).__name__
        parameters = [each for group in optimizer.param_groups for each in group["params"]]
        names = Names(frames)
        self._shown = [(names.of(each) or f"parameter {i}", each) for i, each in enumerate(parameters[:MOST])]
        self.left_out = max(0, len(parameters) - MOST)
        self._old: list[TensorSummary | None] = [try_summarise(each) for _, each in self._shown]
        self._copies = copies([each for _, each in self._shown])

    def is_of(self, optimizer: Any) -> bool:
        """Whether this is that optimizer's step."""
        return optimizer is self._optimizer

    def before(self) -> list[Found]:
        """What the step begins with."""
        return self._parts(lambda name, parameter, old, _: [(Part("value", name, old), parameter)])

    def after(self) -> list[Found]:
        """What it has made of it."""
        return self._parts(
            lambda name, parameter, old, copy: [
                (Part("before", name, old), copy),
                (Part("after", name, try_summarise(parameter)), parameter),
            ]
        )

    def _parts(self, values: Callable[[str, Any, TensorSummary | None, Any], list[Found]]) -> list[Found]:
        return [
            part
            for (name, parameter), old, copy in zip(self._shown, self._old, self._copies, strict=True)
            for part in (*values(name, parameter, old, copy), *self._others(name, parameter))
        ]

    def _others(self, name: str, parameter: Any) -> Iterator[Found]:
        grad = parameter.grad
        text = "none: it is not updated" if grad is None else ""
        yield Part("gradient", f"{name}.grad", None if grad is None else try_summarise(grad), text), grad
        state = self._optimizer.state.get(parameter) or {}
        for key, value in islice(state.items(), 8):
            if value is not None:
                yield Part("state", f"{name} {key}", try_summarise(value)), value
