"""Learning rates on screen: in a cell of a table, and in full."""

from __future__ import annotations

from collections.abc import Sequence

from bptui.app.numbers import number
from bptui.records import OptimizerRates

ONE, SEVERAL = 7, 17
"""Cells of one rate, "3.12e-4", and of several beside each other."""


def in_cells(optimizers: Sequence[OptimizerRates], width: int) -> str:
    """The rates of all groups of all optimizers, as many as have room; one if they are all the same."""
    rates = [rate for each in optimizers for rate in each.rates if rate is not None]
    shown = [_short(rate) for rate in (rates if len(set(rates)) > 1 else rates[:1])]
    text = " ".join(shown)
    while len(text) > width and len(shown) > 1:
        text = f"{' '.join(shown := shown[:-1])} …"
    return text


def width(optimizers: Sequence[OptimizerRates]) -> int:
    """Cells of the column: so few different widths that it seldom moves."""
    return ONE if len(in_cells(optimizers, SEVERAL)) <= ONE else SEVERAL


def facts(optimizers: Sequence[OptimizerRates]) -> tuple[tuple[str, str], ...]:
    """The rates in full, with their optimizers."""
    return tuple(("lr", f"{', '.join(map(_whole, each.rates))}  {each.optimizer}") for each in optimizers)


def _short(rate: float) -> str:
    """A rate with three digits: 0.1, 0.015, 1e-3, 3.12e-4."""
    if rate == 0 or 0.01 <= abs(rate) < 1000:
        return f"{rate:.3g}"
    digits, _, exponent = f"{rate:.2e}".partition("e")
    return f"{float(digits):g}e{int(exponent)}" if exponent else number(rate, ONE)


def _whole(rate: float | None) -> str:
    return "–" if rate is None else repr(rate)
