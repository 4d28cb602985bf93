"""A rule at one node: the gradient it gives, and its formula with the numbers of one entry in it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bptui.explain.formula import Formula, Leaf
from bptui.explain.rule import Names, Rule
from bptui.explain.saved import Saved
from bptui.explain.text import added, dims, index, number, shape, unraveled

SHOWN_TERMS = 3
"""Of a sum over broadcast dimensions, so many terms are written out."""

_PER_DIM = {"Σ", "mean", "shares"}
"""Functions of many entries, that are shown by what they come to."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of it; the fields are those of `records.InputGradient`, and the whole gradient."""

    grad: torch.Tensor | None = None
    numbers: str = ""
    entry: tuple[int, ...] = ()
    value: float | None = None
    steps: tuple[str, ...] = ()
    local: float | None = None
    local_text: str = ""


def work_out(rule: Rule, name: str, symbol: str, saved: Saved) -> Worked:
    """The gradient of an input by its rule, in numbers.

    Raises:
        Unknown: A number that it needs is not there.
    """
    formula, names = rule.formula(name, saved), Names(rule, saved)
    before = torch.as_tensor(formula.value(names))
    grad = _sum_to(before, saved.shape)
    steps = _steps(names["g"], saved, before)
    if not grad.numel():
        return Worked(grad, steps=steps)
    entry = _largest(grad)
    value = float(grad[entry])
    left = f"∂L/∂{symbol}{index(entry) if grad.numel() > 1 else ''}"
    if _is_whole(formula):
        line = _in_shapes(formula, names, before, symbol, f"{left} = {number(value)}")
    else:
        worked = f"{left} = {_in_numbers(formula, names, before, grad.shape, entry)}"
        line = worked if worked.endswith(f" = {number(value)}") else f"{worked} = {number(value)}"
    local, text = _local(rule, formula, saved) if before.numel() == saved.g.numel() == 1 else (None, "")
    return Worked(grad, line, entry, value, steps, local, text)


def _sum_to(tensor: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Sum over the dimensions in which something of this shape was broadcast."""
    return tensor if tuple(tensor.shape) == shape else tensor.sum_to_size(shape)


def _largest(grad: torch.Tensor) -> tuple[int, ...]:
    """The entry of the largest magnitude; one that is not finite before all others."""
    return unraveled(int(grad.abs().argmax()), grad.shape)


def _steps(g: torch.Tensor, saved: Saved, before: torch.Tensor) -> tuple[str, ...]:
    steps = []
    if tuple(g.shape) != saved.out_shape:
        steps.append(f"g brought from {shape(saved.out_shape)} to {shape(g.shape)}")
    if tuple(before.shape) != saved.shape:
        lead = before.dim() - len(saved.shape)
        pairs = enumerate(zip(before.shape[lead:], saved.shape, strict=True), lead)
        summed = [*range(lead), *(dim for dim, (wide, narrow) in pairs if wide != narrow)]
        steps.append(f"summed over {dims(summed)} (broadcast {shape(before.shape)} ← {shape(saved.shape)})")
    return tuple(steps)


def _is_whole(formula: Formula) -> bool:
    """Whether an entry is made of more than a line has room for: products of matrices, convolutions."""
    return formula.has_matrices or bool(formula.names & {"outer", "conv", "convT", "corr"})


def _in_shapes(formula: Formula, names: Mapping[str, Any], result: torch.Tensor, symbol: str, largest: str) -> str:
    shapes = formula.text(_shape_leaf, names)
    return f"∂L/∂{symbol} = {formula.text()}: {shapes} → {shape(result.shape)}, largest {largest}"


def _shape_leaf(piece: Formula, names: Any) -> str | None:
    if piece.is_call or piece.is_comparison:
        return None
    value = names[piece.name]
    return f"({shape(value.shape)})" if isinstance(value, torch.Tensor) and value.dim() else number(float(value))


def _in_numbers(
    formula: Formula, names: Names, before: torch.Tensor, shape_of_input: Sequence[int], entry: tuple[int, ...]
) -> str:
    """The formula at one entry, g · b = 2 · 3; of a sum over broadcast dimensions, its first terms."""
    lead = before.dim() - len(entry)
    pairs = zip(before.shape[lead:], shape_of_input, entry, strict=True)
    axes = [range(size) for size in before.shape[:lead]]
    axes += [range(at, at + 1) if wide == narrow else range(wide) for wide, narrow, at in pairs]
    count = math.prod(map(len, axes))
    places = itertools.islice(itertools.product(*axes), SHOWN_TERMS)
    terms = [formula.text(_entry_leaf(before, place), names) for place in places]
    symbols = formula.text()
    if count == 1:
        return f"{symbols} = {terms[0]}"
    return f"Σ {symbols} = {added(terms)}{' + …' * (count > len(terms))} ({count} terms)"


def _entry_leaf(before: torch.Tensor, place: tuple[int, ...]) -> Leaf:
    """Writes a symbol as its number at one place."""

    def leaf(piece: Formula, names: Any) -> str | None:
        if piece.is_comparison or (piece.is_call and piece.name in _PER_DIM):
            value = piece.value(names)
        elif piece.is_call:
            return None
        else:
            value = names[piece.name]
        return number(float(value.expand(before.shape)[place] if isinstance(value, torch.Tensor) else value))

    return leaf


def _local(rule: Rule, formula: Formula, saved: Saved) -> tuple[float, str]:
    """∂output/∂input of single numbers: the gradient, if that of the output were 1."""
    value = torch.as_tensor(formula.value(Names(rule, saved.with_unit_grad())))
    local = float(value.sum())
    if _is_whole(formula) or formula.names & _PER_DIM or formula.names == {"g"}:
        return local, number(local)
    return local, formula.factor(_entry_leaf(value, (0,) * value.dim()), Names(rule, saved, g=1))
