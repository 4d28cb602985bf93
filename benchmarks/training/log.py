"""What is done beside a training: nothing but a look at the clock, or what other tools have one do."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch

Named = list[tuple[str, torch.Tensor]]

WARM_UP = 0.2
"""This share of the samples is not timed."""


class Log:
    """Called once a sample; at the last one it prints the seconds per sample, by the wall and of the processor."""

    def __init__(self, named: Iterable[tuple[str, torch.Tensor]], model: torch.nn.Module | None = None) -> None:
        """Begin, as the command line says: WAY SAMPLES."""
        way, self.samples = sys.argv[1], int(sys.argv[2])
        self._first = int(self.samples * WARM_UP)
        self._log = WAYS[way](list(named), model)
        self._count = 0

    def __call__(self, loss: torch.Tensor) -> None:
        """A sample is over, its gradients are still there."""
        if self._log is not None:
            self._log(self._count, loss)
        self._count += 1
        if self._count == self._first:
            self._began = time.perf_counter(), time.process_time()
        elif self._count == self.samples:
            ended = time.perf_counter(), time.process_time()
            timed = self.samples - self._first
            print(*((end - began) / timed for began, end in zip(self._began, ended, strict=True)), flush=True)


Way = Callable[
    [list[tuple[str, torch.Tensor]], torch.nn.Module | None], Callable[[int, torch.Tensor], None] | None
]


def _bare(named: Named, model: torch.nn.Module | None) -> None:
    return None


def _tensorboard(named: Named, model: torch.nn.Module | None) -> Any:
    """The loss, and a histogram of each parameter."""
    from torch.utils.tensorboard.writer import SummaryWriter

    writer = SummaryWriter(tempfile.mkdtemp(prefix="bptui-benchmark-"))

    def log(step: int, loss: torch.Tensor) -> None:
        writer.add_scalar("loss", loss.item(), step)
        for name, param in named:
            writer.add_histogram(name, param, step)

    return log


def _wandb(named: Named, model: torch.nn.Module | None) -> Any:
    """The loss, and what `watch` has of gradients and parameters, as often as it likes: each 1000 samples."""
    import wandb

    run = wandb.init(mode="offline", dir=tempfile.mkdtemp(prefix="bptui-benchmark-"))
    run.watch(model, log="all")
    return lambda step, loss: run.log({"loss": loss.item()})


WAYS: dict[str, Way] = {"bare": _bare, "tensorboard": _tensorboard, "wandb": _wandb}
