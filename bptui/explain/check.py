"""A gradient against central finite differences: is it that of the function?"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

import torch

from bptui.explain.calls import Call, name_of, user_function_of
from bptui.explain.names import backward_place
from bptui.explain.text import index, number, unraveled
from bptui.records import GradientCheck

SAMPLED = 32
"""Of each argument, so many entries are looked at."""

WRONG, UNEASY, GOOD = 1e-2, 1e-4, 1e-7
"""The published reading of the relative error of a gradient check: the notes of Stanford's CS231n."""

SINGLE = 1e-5
"""What rounding alone makes of a gradient that was computed in float32."""

SMALL = 1e-2
"""An entry below this part of the largest one is compared on the scale of that part."""

Grads = Sequence[torch.Tensor | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of one argument: what autograd and what finite differences say."""

    argument: int
    at: tuple[int, ...]
    analytic: float
    numeric: float
    error: float
    is_kink: bool


def check(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    grad_outputs: Grads | None = None,
    grad_inputs: Grads | None = None,
    needs: Sequence[bool] | None = None,
    seed: int = 0,
    seconds: float = math.inf,
) -> GradientCheck:
    """Compare the gradient of a call with finite differences, in float64 if the function can.

    The function is called some hundred times, on copies, each time with the same random numbers; neither the
    arguments nor any random state are changed. It does not raise.

    Args:
        function: The op, or `apply` of a torch.autograd.Function.
        args: Its arguments, as they were before it was called.
        kwargs: Its arguments by name.
        grad_outputs: ∂L/∂ of each floating tensor that it returns; random numbers if not given.
        grad_inputs: The gradient to be checked, of each floating tensor among the arguments, in their order; that
            which autograd computes now if not given.
        needs: Of each floating tensor among the arguments, whether it needs a gradient; all if it is not said.
        seed: For the choice of entries, and for whatever is random in the function.
        seconds: Of CPU; entries for which there is no time are left out, and it is said.
    """
    name = name_of(function)
    user = user_function_of(function)
    place = backward_place(user) if user else None
    try:
        with torch._C.DisableTorchFunction():
            call, precision = _widest(function, args, kwargs or {}, grad_outputs, needs, seed)
            return _compare(call, precision, name, grad_inputs, seed, place, process_time() + seconds)
    except Exception as error:  # the user's own code, on arguments that it was never called with
        return GradientCheck(name, "not checked", place=place, remark=f"it could not be run again: {error!r}")


def _widest(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], grads: Grads | None,
    needs: Sequence[bool] | None, seed: int,
) -> tuple[Call, str]:  # fmt: skip
    """The call in float64, or as it was if it can not be made so."""
    with contextlib.suppress(Exception):
        call = Call(function, args, kwargs, grads, seed, torch.float64, needs)
        call.loss()
        return call, "float64"
    return Call(function, args, kwargs, grads, seed, None, needs), "the call's own dtype"


def _compare(
    call: Call, precision: str, name: str, grad_inputs: Grads | None, seed: int, place: Any, end: float
) -> GradientCheck:
    if not call.returns_numbers():
        return GradientCheck(name, "not checked", place=place, remark="nothing that it returns has a gradient")
    remarks = []
    is_random = call.loss() != call.loss(seed + 1)
    if grad_inputs is None or is_random:
        remarks.append("the gradient is that of a call of its own" + ", as the function is random" * is_random)
        grad_inputs = call.gradients()
    is_single = any(grad is not None and grad.dtype != torch.float64 for grad in grad_inputs)
    wanted = _wanted(call, grad_inputs, seed)
    entries = list(_entries(call, grad_inputs, wanted, end))
    smooth = [entry for entry in entries if not entry.is_kink]
    kinks = len(entries) - len(smooth)
    left_out = sum(map(len, wanted.values())) - len(entries)
    if left_out:
        remarks.append(f"{left_out} more entries were not looked at, for lack of time")
    if kinks:
        remarks.append(f"{kinks} of {len(entries)} entries left out: the function has no derivative there")
    if not smooth:
        why = "; ".join(remarks) or "there is no entry with a gradient"
        return GradientCheck(name, "not checked", None, 0, kinks, precision, place=place, remark=why)
    worst = max(smooth, key=lambda entry: entry.error if not math.isnan(entry.error) else math.inf)
    is_rounding = is_single and worst.error > SINGLE and _is_right_in_double(call, worst)
    where = f"argument {worst.argument} {index(worst.at)}".rstrip()
    return GradientCheck(
        name, _reading(worst.error, precision == "float64", is_single, is_rounding), worst.error, len(smooth),
        kinks, precision, where, worst.analytic, worst.numeric, place, "; ".join(remarks),
    )  # fmt: skip


def _is_right_in_double(call: Call, entry: Entry) -> bool:
    """Whether autograd, if it computes in float64 as the differences do, agrees with them."""
    grads = call.gradients()[entry.argument]
    assert grads is not None  # as this entry was looked at
    grad = float(grads[entry.at])
    return abs(grad - entry.numeric) <= SINGLE * max(abs(grad), abs(entry.numeric))


def _reading(error: float, is_double: bool, is_single: bool, is_rounding: bool) -> str:
    """The relative error in words."""
    text = f"relative error {number(error)}"
    if not error <= WRONG:
        return f"{text}: wrong"
    if not is_double:
        return f"{text}: no fault to be seen, but only in float64 could one be sure"
    if is_rounding:
        return f"{text}: good in float64, the rest is float32's rounding"
    if error > UNEASY:
        return f"{text}: uneasy, too large for a smooth function"
    if error <= GOOD:
        return f"{text}: good"
    if is_single and error <= SINGLE:
        return f"{text}: good, the rest is float32's rounding"
    return f"{text}: fine for a function with kinks, a little large for a smooth one"


def _wanted(call: Call, grads: Grads, seed: int) -> dict[int, list[int]]:
    """Of every argument that has a gradient, the entries to look at."""
    generator = torch.Generator().manual_seed(seed)
    pairs = enumerate(zip(call.values, grads, strict=True))
    return {
        at: _sample(_flat(grad), generator) for at, (value, grad) in pairs if grad is not None and value.numel()
    }


def _flat(grad: torch.Tensor) -> torch.Tensor:
    return (grad.to_dense() if grad.layout != torch.strided else grad).reshape(-1)


def _entries(call: Call, grads: Grads, wanted: Mapping[int, list[int]], end: float) -> Iterator[Entry]:
    """What is found at these entries, as long as there is time; an equal part of it for each argument."""
    base, magnitude = call.loss(), call.magnitude()
    for done, (argument, places) in enumerate(wanted.items()):
        value, grad = call.values[argument], grads[argument]
        assert grad is not None
        flat = _flat(grad)
        step = torch.finfo(value.dtype).eps ** (1 / 3)
        noise = 100 * torch.finfo(value.dtype).eps * magnitude / step
        now = process_time()
        until = now + (end - now) / (len(wanted) - done)
        sides = [(at, *_sides(call, argument, at, base, step))
                 for index, at in enumerate(places) if not index or process_time() < until]  # fmt: skip
        scale = max(max(abs(left), abs(right), abs(float(flat[at]))) for at, left, right in sides)
        for at, left, right in sides:
            analytic, numeric = float(flat[at]), (left + right) / 2
            difference = abs(analytic - numeric)
            size = max(abs(analytic), abs(numeric), SMALL * scale)
            error = difference / size if size else 0.0
            error = min(error, GOOD) if difference <= noise else error  # L itself is no more exact
            is_kink = abs(right - left) > max(math.sqrt(step) * scale, 2 * noise)
            place = unraveled(at, value.shape)
            yield Entry(argument, place, analytic, numeric, error, is_kink)


def _sample(flat: torch.Tensor, generator: torch.Generator) -> list[int]:
    """Which entries to look at: the largest gradient first, then all of a few, else some at random."""
    largest = int(flat.abs().argmax())
    if flat.numel() <= SAMPLED:
        others = list(range(flat.numel()))
    else:
        others = torch.randint(flat.numel(), (SAMPLED - 1,), generator=generator).tolist()
    return list(dict.fromkeys([largest, *others]))


def _sides(call: Call, argument: int, at: int, base: float, step: float) -> tuple[float, float]:
    """The slopes to the left and to the right of an entry."""
    value = float(call.values[argument].reshape(-1)[at])
    step *= max(1.0, abs(value))
    below, above = (call.loss(moved=(argument, at, value + side)) for side in (-step, step))
    return (base - below) / step, (above - base) / step
