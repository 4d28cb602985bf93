"""An expression that was parsed, with what it remembers of earlier samples."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bptui.expressions.language import FUNCTIONS

Compiled = Callable[[dict[str, Any]], Any]

_CALLED: dict[str, Any] = {
    **{name: function for name, (function, _) in FUNCTIONS.items()},
    "inf": math.inf,
    "nan": math.nan,
    "_power": lambda base, exponent: float(base) ** float(exponent),
    "_shape": lambda value: tuple(value.shape),
    "_dtype": lambda value: str(value.dtype).rpartition(".")[2],
    "_numel": lambda value: int(value.numel()),
    "_ndim": lambda value: int(value.ndim),
}


@dataclass(slots=True)
class Window:
    """A part of an expression that knows earlier samples.

    Attributes:
        key: What stands for it in the expression.
        kind: "mean", "previous" or "unchanged".
        length: How many samples back.
        inner: What is remembered of each.
        parts: The windows in that.
    """

    key: str
    kind: str
    length: int
    inner: Compiled
    parts: tuple[str, ...] = ()
    _seen: collections.deque[Any] = field(init=False)

    def __post_init__(self) -> None:
        self._seen = collections.deque(maxlen=self.length)

    def value(self) -> Any:
        """What it is now, before this sample is remembered; None as long as there was none."""
        if self.kind == "unchanged":
            return self._unchanged()
        if not self._seen:
            return None
        return self._seen[0] if self.kind == "previous" else math.fsum(self._seen) / len(self._seen)

    def remember(self, values: dict[str, Any]) -> None:
        """A sample is complete."""
        if any(values[part] is None for part in self.parts):
            return
        now = self.inner(values)
        if self.kind == "unchanged":
            self._seen.append(frozenset(now))
        elif now is not None:
            self._seen.append(float(now))

    def _unchanged(self) -> tuple[str, ...]:
        if len(self._seen) < self.length:
            return ()
        return tuple(sorted(frozenset.intersection(*self._seen)))

    @property
    def remembers_first(self) -> bool:
        """Whether the sample at hand is part of what it says."""
        return self.kind == "unchanged"


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition, or any quantity.

    Attributes:
        text: As it was written.
        code: Gives its value from those of its names.
        windows: What it remembers, each before those that it is a part of.
        names: The names in it.
        named: The parameters that it names, each after what of it: ("grad", "fc1.weight").
        called: The functions in it.
        is_inside: Whether it is about an op or a node, not about a sample.
    """

    text: str
    code: Compiled
    windows: tuple[Window, ...]
    names: frozenset[str]
    named: frozenset[tuple[str, str]]
    called: frozenset[str]
    is_inside: bool

    @property
    def needs_updates(self) -> bool:
        """Whether the update of each parameter has to be measured, which costs about as much as it."""
        return "update" in self.names

    @property
    def is_about_unchanged(self) -> bool:
        """Whether it asks which parameters an update left as they were."""
        return "unchanged" in self.names

    @property
    def is_about_missing(self) -> bool:
        """Whether it asks which parameters got no gradient."""
        return "missing" in self.called

    def value(self, quantities: Mapping[str, Any]) -> Any:
        """What it is now; whatever a part of it raises is raised.

        Each call is for another sample: the windows move on.
        """
        values = {**_CALLED, **{name: quantities[name] for name in self.names}}
        for window in self.windows:
            if window.remembers_first:
                window.remember(values)
            values[window.key] = window.value()
        try:
            return None if _is_young(self.windows, values) else self.code(values)
        finally:
            for window in self.windows:
                if not window.remembers_first:
                    window.remember(values)

    def holds(self, quantities: Mapping[str, Any]) -> bool:
        """Whether it is true now.

        Raises:
            ValueError: It is a tensor of several elements.
        """
        value = self.value(quantities)
        if hasattr(value, "numel") and value.numel() > 1:
            raise ValueError(f"it is a tensor of {value.numel()} elements, not true or false: any(…) or all(…)")
        return bool(value)


def _is_young(windows: Iterable[Window], values: Mapping[str, Any]) -> bool:
    """Whether there was no earlier sample yet of which it speaks: nothing is said then."""
    return any(values[window.key] is None for window in windows)
