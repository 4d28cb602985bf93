"""The learning rates of each sample, kept only where they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from bptui.protocol import from_json
from bptui.recording.buckets import Select
from bptui.recording.schema import sample_id
from bptui.records import OptimizerRates

Rates = tuple[OptimizerRates, ...]

_CHANGES = """SELECT sample, optimizers FROM learning_rates WHERE sample < ? AND sample >= coalesce(
    (SELECT max(sample) FROM learning_rates WHERE sample >= ? AND sample <= ?), ?) ORDER BY sample"""


def rates_at(select: Select, branch: int, start: int, stop: int) -> Callable[[int], Rates]:
    """Gives the rates of the ids of samples from `start` up to before `stop`, if it is asked in their order."""
    first, end = sample_id(branch, start), sample_id(branch, stop)
    changes: Iterator[tuple[int, str]] = iter(select(_CHANGES, [end, sample_id(branch, 0), first, first]))
    next_change = next(changes, None)
    rates: Rates = ()

    def of(sample: int) -> Rates:
        nonlocal next_change, rates
        while next_change is not None and next_change[0] <= sample:
            rates, next_change = _parsed(next_change[1]), next(changes, None)
        return rates

    return of


@lru_cache(maxsize=256)
def _parsed(text: str) -> Rates:
    return from_json(Rates, text)
