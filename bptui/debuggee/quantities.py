"""What the names of a condition stand for: after a sample, and inside one."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bptui.debuggee.conditions import Conditions
from bptui.debuggee.scope import NotThere, look_up
from bptui.expressions import NAMES, Unknown, suggestion
from bptui.expressions.language import COLLECTIONS, INSIDE
from bptui.protocol import ABSENT
from bptui.records import QUANTITIES, Kind, Layout, Node, Parameter, Sample

if TYPE_CHECKING:  # at run time it imports torch, and a script is joined before it does
    from bptui.debuggee.at_rest import AtRest
    from bptui.debuggee.wanted import WantedGradients


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
    """

    norm: float | None
    one: Callable[[str], Any]
    missing: Callable[[], Iterable[str]] = tuple

    def __call__(self, name: str) -> Any:
        return self.one(name)

    def _refuse(self, other: object) -> bool:
        raise ValueError('there may be several: say norm(grad), or grad("NAME")')

    __lt__ = __le__ = __gt__ = __ge__ = _refuse


class Quantities(Mapping[str, Any]):
    """The quantities of the sample that is complete, as far as they are known.

    Attributes:
        scope: The variables of a loop, where its parameters have their names; None for a script.
        rate: The learning rate of the first parameter group.
        weigh: The norm of all weights.
        wanted: Reads single gradients, once torch is there.
        at_rest: Says which parameters stay as they are, once torch is there.
    """

    def __init__(self) -> None:
        self.scope: Callable[[], Mapping[str, Any]] | None = None
        self.rate: Callable[[], float | None] = lambda: None
        self.weigh: Callable[[], float | None] = lambda: None
        self.wanted: WantedGradients | None = None
        self.at_rest: AtRest | None = None
        self._parameters: tuple[Parameter, ...] = ()
        self._tensors: Sequence[Any] = ()
        self._measured_grads = self._updates = array("d")
        self._measured_at = -1
        self._step = 0
        self._sample: Sample | None = None
        self._row: Mapping[str, float] = {}
        self._kinds: Mapping[str, Kind] = {}
        self._nodes: tuple[Node, ...] = ()

    # -- what is seen ----------------------------------------------------------------------------------

    def know(self, parameters: tuple[Parameter, ...], tensors: Sequence[Any], conditions: Conditions) -> None:
        """These are the parameters of a script."""
        if parameters is not self._parameters or tensors is not self._tensors:
            self._parameters, self._tensors = parameters, tensors
            self.choose(conditions)

    def knows(self, conditions: Conditions) -> bool:
        """Whether all parameters that are asked for are known: they are after a sample that was measured."""
        asks = bool(conditions.named) or conditions.is_about_missing or conditions.is_about_unchanged
        is_in_doubt = self.at_rest is not None and self.at_rest.is_in_doubt
        return not asks or (bool(self._parameters) and not is_in_doubt) or self.scope is not None

    def choose(self, conditions: Conditions) -> None:
        """Have the gradients read that are asked for, and the weights compared."""
        if self.at_rest is not None:
            is_asked = conditions.is_about_unchanged
            self.at_rest.choose(*((self._parameters, self._tensors) if is_asked else ((), ())))
        if self.wanted is not None:
            names = [each.name for each in self._parameters]
            asked = [which for name, which in conditions.named if name == "grad"]
            full = {names[i] for which in asked if (i := _find(which, names)) is not None}
            self.wanted.choose(full, self._parameters, self._tensors, conditions.is_about_missing)

    def measure(self, step: int, numbers: array[float]) -> None:
        """Norms at the sample that `see` is told of next: weight, gradient, update of each that `know` names."""
        self._measured_at = step
        self._measured_grads, self._updates = numbers[1::3], numbers[2::3]

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
        self._row, self._kinds = {name: value for name, value in values if name in layout.kinds}, layout.kinds

    # -- what is asked ---------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[str]:
        return (name for name in NAMES if name not in INSIDE)

    def __len__(self) -> int:
        return len(NAMES) - len(INSIDE)

    def __getitem__(self, name: str) -> Any:
        if name in INSIDE:
            raise Unknown(f"{name} is known inside a sample only")
        if name not in NAMES and name != "unchanged":
            raise KeyError(name)
        if self._sample is None:
            raise Unknown(f"{name} is not known before the first sample")
        if name == "unchanged":
            return self._unchanged()
        if name in COLLECTIONS:
            collect = {"param": self._params, "grad": self._grads, "update": self._all_updates}
            return collect[name]()
        known = {"epoch": self._sample.epoch, "sample": self._sample.index + 1, "step": self._step}
        return self._rate() if name == "lr" else known.get(name, self._row.get("loss"))

    def _rate(self) -> float:
        rate = self.rate()
        if rate is None and self.scope is not None:
            found = self.scope().get("lr")
            rate = float(found) if isinstance(found, int | float) else None
        if rate is None:
            raise Unknown("lr is not known: no optimizer has made a step")
        return rate

    def _index(self, which: str) -> int:
        """Which parameter has this name, or a name that ends with it.

        Raises:
            Unknown: None, or several.
        """
        names = [each.name for each in self._parameters] or [each.name for each in self._leaves()]
        found = _find(which, names)
        if found is None and not names:
            raise Unknown(f"{which!r} is not known here: this sample was not looked at so closely")
        if found is None:
            raise Unknown(f"no parameter, or more than one, is called {which!r}{suggestion(which, names)}")
        return found

    # -- parameters ------------------------------------------------------------------------------------

    def _params(self) -> Collection:
        norm = self._row.get("weight_after")
        return Collection(self.weigh() if norm is None else norm, self._param)

    def _param(self, which: str) -> Any:
        if self.scope is None:
            return self._tensors[self._index(which)]
        try:
            return look_up(which, self.scope())
        except NotThere as error:
            raise Unknown(str(error)) from error

    # -- gradients -------------------------------------------------------------------------------------

    def _grads(self) -> Collection:
        return Collection(self._row.get("grad"), self._grad, self._missing)

    def _missing(self) -> Iterable[str]:
        if self._measured_at == self._step:
            pairs = zip(self._parameters, self._measured_grads, strict=True)
            return [each.name for each, norm in pairs if norm == ABSENT and not each.is_frozen]
        if self.wanted is not None:
            return self.wanted.missing
        return [each.name for each in self._leaves() if each.grad is None]

    def _grad(self, which: str) -> Any:
        if self.scope is not None and not self._nodes:
            return self._yielded_grad(which)
        name, index = f'grad("{which}")', self._index(which)
        if self.wanted is not None:
            number = self._read(self.wanted.numbers, index)
            is_one = math.prod(self._parameters[index].shape) == 1
            return number if is_one or number is None else Several(name, number)
        leaves = self._leaves()
        if len(leaves) == 1 and self._sample is not None and self._sample.grad is not None:
            grad = self._sample.grad  # as the loop has yielded it; of a pass alone it is less, if they add up
            return grad if getattr(grad, "ndim", 0) else self._row["grad"]
        grad = leaves[index].grad
        if grad is None or grad.item is not None:
            return None if grad is None else grad.item
        return Several(name, math.nan if grad.nonfinite else grad.norm or 0.0)

    def _yielded_grad(self, which: str) -> Any:
        """The gradient that a loop has yielded, if it can be no other than that of this parameter."""
        parameter, grad = self._param(which), self._sample.grad if self._sample is not None else None
        is_one = "grad" in self._kinds and self._kinds["grad"].is_one and parameter.numel() == 1
        if not is_one and (grad is None or parameter.shape != getattr(grad, "shape", None)):
            raise Unknown(f"the gradient of {which!r} is not known here: this sample was not looked at so closely")
        return self._row["grad"] if is_one else grad

    def _read(self, numbers: Mapping[str, float | None], index: int) -> float | None:
        """What was read of a gradient; where nobody had asked for it yet, its norm, if that was measured."""
        name = self._parameters[index].name
        if name in numbers or self._measured_at != self._step:
            return numbers.get(name)
        norm = self._measured_grads[index]
        return None if norm == ABSENT else norm

    def _leaves(self) -> list[Node]:
        return [node for node in self._nodes if node.kind == "parameter"]

    # -- updates ---------------------------------------------------------------------------------------

    def _updates_of(self) -> dict[str, float]:
        """The norm of the update of each parameter that is trained."""
        if self._measured_at == self._step:
            pairs = zip(self._parameters, self._updates, strict=True)
            return {each.name: norm for each, norm in pairs if not each.is_frozen and norm != ABSENT}
        before, after = self._row.get("weight"), self._row.get("weight_after")
        is_one = "weight" in self._kinds and self._kinds["weight"].is_one
        if self.scope is None or before is None or after is None or not is_one:
            raise Unknown(
                "the updates are not known here: they are of scripts, and of loops that yield one weight"
            )
        return {"weight": abs(after - before)}

    def _update(self, which: str) -> Any:
        norms = self._updates_of()
        found = _find(which, list(norms))
        if found is None:
            raise Unknown(f"no update of {which!r} was measured{suggestion(which, norms)}")
        return Several(f'update("{which}")', [*norms.values()][found])

    def _all_updates(self) -> Collection:
        norms = self._updates_of()
        return Collection(math.hypot(*norms.values()), self._update)

    def _unchanged(self) -> tuple[str, ...]:
        """The parameters that the update of the sample has left as they were."""
        if self.at_rest is not None and self.at_rest.names is not None and self._measured_at != self._step:
            return self.at_rest.names
        return tuple(name for name, norm in self._updates_of().items() if not norm)


def _find(which: str, names: list[str]) -> int | None:
    """The parameter of this name, or else the one whose name ends with it; None if that is not one."""
    if which in names:
        return names.index(which)
    ends = [index for index, name in enumerate(names) if name.endswith(f".{which}")]
    return ends[0] if len(ends) == 1 else None


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
