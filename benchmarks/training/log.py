"""What is done beside a training: nothing but a look at the clock, or what other tools have one do.

A script of this package is run with WAY SECONDS: it trains until it has been timed for so long, which bounds a
benchmark on any machine, however busy, and however slow the way.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable

import torch

from benchmarks.training import MEASURED
from benchmarks.training.clock import CLOCK, NOTICING, clock
from benchmarks.training.peers import PEERS

WARM_UP = 0.5
"""Seconds, from the end of the first sample on, that are not timed."""


class Log:
    """Called once a sample; in the end it prints the seconds per sample and ends the training."""

    def __init__(self, named: Iterable[tuple[str, torch.Tensor]], *parts: object) -> None:
        """Begin.

        Args:
            named: The parameters.
            parts: Model, loss function and optimizer, of a training that has them.
        """
        way, seconds = sys.argv[1:]
        self._spans = [float(seconds), WARM_UP]
        self._log: Callable[[int, torch.Tensor], object] | None = None
        if way.startswith((CLOCK, NOTICING)):
            self._log = clock(way)
        elif way != "bare":
            self._log = PEERS[way](list(named), *parts)
        self._count = 0
        self._due = 0.0
        self._began = (0, 0.0, 0.0)

    def __call__(self, loss: torch.Tensor) -> None:
        """A sample is over, its gradients are still there."""
        if self._log is not None:
            self._log(self._count, loss)
        self._count += 1
        if time.perf_counter() >= self._due:
            self._next_span()

    def _next_span(self) -> None:
        now = self._count, time.perf_counter(), time.process_time()
        if not self._spans:
            count, wall, cpu = (end - began for began, end in zip(self._began, now, strict=True))
            print(MEASURED, wall / count, cpu / count, flush=True)
            sys.exit()
        self._began, self._due = now, now[1] + self._spans.pop()
