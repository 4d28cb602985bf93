"""What the names of a condition stand for: after a sample, and inside one."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bptui.debuggee.scope import NotThere, look_up
from bptui.expressions import NAMES, Unknown, suggestion
from bptui.expressions.language import INSIDE
from bptui.protocol import ABSENT
from bptui.records import QUANTITIES, Layout, Node, Parameter, Sample

_COLUMNS = {"param": 0, "grad": 1, "update": 2}
"""Where in the statistics of a parameter its norms stand."""


@dataclass(frozen=True, slots=True)
class Several:
    """A tensor of several elements of which only the norm is known."""

    name: str
    norm: float

    def _refuse(self, other: object) -> bool:
        raise ValueError(f"{self.name} has several elements: say norm({self.name})")

    __lt__ = __le__ = __gt__ = __ge__ = _refuse


@dataclass(frozen=True, slots=True)
class Collection:
    """All gradients, parameters or updates of a sample.

    Attributes:
        norm: Of all together, None where it is not known.
        one: That of a parameter by its name.
        missing: The parameters that have none.
        at_rest: The parameters for which it is zero.
    """

    norm: float | None
    one: Callable[[str], Any]
    missing: Callable[[], Iterable[str]]
    at_rest: Callable[[], Iterable[str]]

    def __call__(self, name: str) -> Any:
        return self.one(name)

    def _refuse(self, other: object) -> bool:
        raise ValueError('there may be several: say norm(grad), or grad("NAME")')

    __lt__ = __le__ = __gt__ = __ge__ = _refuse


class Quantities(Mapping[str, Any]):
    """The quantities of the sample that is complete, as far as they are known.

    Attributes:
        scope: The variables of a loop, where its parameters have their names.
        rate: The learning rate of the first parameter group.
        tensors: The parameters that `measure` speaks of.
    """

    def __init__(self) -> None:
        self.scope: Callable[[], Mapping[str, Any]] | None = None
        self.rate: Callable[[], float | None] = lambda: None
        self.tensors: Sequence[Any] = ()
        self._step = 0
        self._sample: Sample | None = None
        self._row: Mapping[str, float] = {}
        self._nodes: tuple[Node, ...] = ()
        self._parameters: tuple[Parameter, ...] = ()
        self._numbers: array[float] = array("d")

    def see(
        self, step: int, sample: Sample, numbers: Sequence[float], layout: Layout, nodes: tuple[Node, ...] | None
    ) -> None:
        """A sample is complete.

        Args:
            step: Its number in the run, from 1.
            sample: What there is of it.
            numbers: Its row.
            layout: What the row holds.
            nodes: Its graph, if it was traced.
        """
        values = zip(QUANTITIES, numbers[2:], strict=True)
        self._step, self._sample, self._nodes = step, sample, nodes or ()
        self._row = {name: value for name, value in values if name in layout.kinds}
        if self._measured_at != step:
            self._parameters, self._numbers = (), array("d")

    _measured_at = -1

    def measure(self, step: int, parameters: tuple[Parameter, ...], numbers: array[float]) -> None:
        """Norms at the sample that `see` is told of next: weight, gradient, update of each parameter."""
        self._measured_at, self._parameters, self._numbers = step, parameters, numbers

    def __iter__(self) -> Iterator[str]:
        return (name for name in NAMES if name not in INSIDE)

    def __len__(self) -> int:
        return len(NAMES) - len(INSIDE)

    def __getitem__(self, name: str) -> Any:
        if name in INSIDE:
            raise Unknown(f"{name} is known inside a sample only")
        if name not in NAMES:
            raise KeyError(name)
        if self._sample is None:
            raise Unknown(f"{name} is not known before the first sample")
        if name in _COLUMNS:
            return self._collection(name)
        match name:
            case "loss":
                return self._row.get("loss")
            case "epoch":
                return self._sample.epoch
            case "sample":
                return self._sample.index + 1
            case "step":
                return self._step
        rate = self._rate()
        if rate is None:
            raise Unknown("lr is not known: no optimizer has made a step")
        return rate

    def _rate(self) -> float | None:
        rate = self.rate()
        if rate is None and self.scope is not None:
            found = self.scope().get("lr")
            rate = float(found) if isinstance(found, int | float) else None
        return rate

    # -- parameters ------------------------------------------------------------------------------------

    def _collection(self, name: str) -> Collection:
        return Collection(
            self._total(name), lambda which: self._one(name, which), lambda: self._where(name, ABSENT),
            lambda: self._where(name, 0.0),
        )  # fmt: skip

    def _column(self, name: str) -> array[float]:
        return self._numbers[_COLUMNS[name] :: 3]

    def _where(self, name: str, value: float) -> Iterator[str]:
        """The parameters for which the norm is this; frozen ones are not spoken of."""
        if self._parameters:
            pairs = zip(self._parameters, self._column(name), strict=True)
            yield from (each.name for each, norm in pairs if norm == value and not each.is_frozen)
            return
        if name == "update":
            weights = [self._row.get(key) for key in ("weight", "weight_after")]
            is_same = value == 0.0 and weights[0] is not None and weights[0] == weights[1]
            yield from ("weight",) * is_same
        elif name == "grad" and self._nodes:
            yield from (each.name for each in self._leaves() if value == ABSENT and each.grad is None)
        elif name == "grad" and value == ABSENT:
            yield from ("weight",) * ("grad" not in self._row)

    def _total(self, name: str) -> float | None:
        known = self._row.get("grad" if name == "grad" else "weight_after" if name == "param" else "")
        if known is not None:
            return known
        norms = [norm for norm in self._column(name) if norm != ABSENT]
        if norms:
            return math.nan if any(map(math.isnan, norms)) else math.hypot(*norms)
        return self._row.get("weight") if name == "param" else None

    def _leaves(self) -> list[Node]:
        return [node for node in self._nodes if node.kind == "parameter"]

    def _one(self, name: str, which: str) -> Any:
        """That of one parameter: its tensor, its one number, or its norm."""
        if name == "param" and self.scope is not None:
            try:
                return look_up(which, self.scope())
            except NotThere as error:
                raise Unknown(str(error)) from error
        names = [each.name for each in self._parameters] or [each.name for each in self._leaves()]
        if not names:
            raise Unknown(f'{name}("{which}") is not known here: this sample was not looked at so closely')
        index = _find(which, names)
        if name == "param" and index < len(self.tensors):
            return self.tensors[index]
        if self._parameters:
            number = self._numbers[3 * index + _COLUMNS[name]]
            return None if number == ABSENT else self._number(name, which, number, len(names))
        return self._of_leaf(name, which, self._leaves()[index], len(names))

    def _number(self, name: str, which: str, norm: float, count: int) -> Any:
        """The number itself where there is but one, else its norm."""
        element = self._row.get(name)
        if count == 1 and element is not None and math.prod(self._parameters[0].shape) == 1:
            return element
        return Several(f'{name}("{which}")', norm)

    def _of_leaf(self, name: str, which: str, leaf: Node, count: int) -> Any:
        if name == "grad" and count == 1 and self._row.get("grad") is not None:
            return self._sample_grad(which)
        if name != "grad" or leaf.grad is None:
            return None
        norm = math.nan if leaf.grad.nonfinite else leaf.grad.norm
        return leaf.grad.item if leaf.grad.item is not None else Several(f'grad("{which}")', norm or 0.0)

    def _sample_grad(self, which: str) -> Any:
        """What a loop of one parameter has yielded as its gradient."""
        assert self._sample is not None
        grad = self._sample.grad
        return grad if getattr(grad, "ndim", 0) else self._row["grad"]


def _find(which: str, names: list[str]) -> int:
    """The parameter of this name, or whose name ends with it.

    Raises:
        Unknown: There is none, or there are several.
    """
    if which in names:
        return names.index(which)
    ends = [index for index, name in enumerate(names) if name.endswith(f".{which}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise Unknown(f"{which!r} may be {names[ends[0]]!r} or {names[ends[1]]!r}")
    raise Unknown(f"no parameter is called {which!r}{suggestion(which, names)}")


class InsideQuantities(Mapping[str, Any]):
    """The quantities at an op or node; of the loss, the epoch and others what they were after the last sample."""

    def __init__(self, last: Quantities, step: int, here: Mapping[str, Callable[[], Any]]) -> None:
        """Where the training is.

        Args:
            last: The quantities of the last sample that is complete.
            step: The number of the one at hand, from 1.
            here: The quantities of the op.
        """
        self._last = last
        self._here = {"step": lambda: step, **here}

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)

    def __getitem__(self, name: str) -> Any:
        return self._here[name]() if name in self._here else self._last[name]
