"""The seed's loop, timed from within, and ways to keep its numbers: `python -m benchmarks.loops WAY EPOCHS`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator

import torch

from bptui import Sample
from bptui.loops.linear import linear

WARM_UP = 2_000
"""Samples before the clock starts."""


def timed(epochs: int) -> Iterator[Sample]:
    """The seed's loop; at its end it prints the seconds per sample after the warm-up.

    The clock runs from the yield of one sample to the yield of another, so it holds everything that happens
    between them: the training itself, and whatever its consumer does with each sample.
    """
    samples = linear(epochs=epochs)
    for _ in range(WARM_UP):
        yield next(samples)
    began, count = time.perf_counter(), 0
    for sample in samples:
        yield sample
        count += 1
    print((time.perf_counter() - began) / count)


def seed_after(count: int) -> Iterator[Sample]:
    """The seed's loop behind so many samples without a training, which come as quick as Python yields them."""
    for i in range(count):
        yield Sample(epoch=i // 1000, index=i % 1000, samples=1000, loss=1 / (i + 1), grad=0.5, weight=1.0)
    yield from linear(epochs=1_000_000)


def beside(elements: int) -> Iterator[Sample]:
    """A training beside which a square matrix of so many elements lies."""
    side = round(elements**0.5)
    matrix = torch.randn(side, side)
    weight = torch.ones(1, requires_grad=True)
    for i in range(1_000_000):
        loss = (weight * matrix[0, 0]).sum()
        loss.backward()
        yield Sample(epoch=0, index=i, loss=loss)


def bare(samples: Iterable[Sample]) -> None:
    """Keep nothing."""
    for _ in samples:
        pass


def listed(samples: Iterable[Sample]) -> None:
    """Append five floats to a list."""
    kept = []
    for sample in samples:
        kept.append(five(sample))  # noqa: PERF401 - as one would write it in a training loop


def summary_writer(samples: Iterable[Sample]) -> None:
    """Log five scalars per sample with TensorBoard's SummaryWriter."""
    from torch.utils.tensorboard.writer import SummaryWriter

    with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
        for step, sample in enumerate(samples):
            for name, value in zip(NAMES, five(sample), strict=True):
                writer.add_scalar(name, value, step)


NAMES = ("output", "loss", "grad", "weight", "weight_after")


def five(sample: Sample) -> list[float]:
    """The numbers of a sample that are worth a curve."""
    values = (getattr(sample, name) for name in NAMES)
    return [value.item() if isinstance(value, torch.Tensor) else value for value in values]


WAYS: dict[str, Callable[[Iterable[Sample]], None]] = {
    "bare": bare,
    "listed": listed,
    "summary_writer": summary_writer,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](timed(int(sys.argv[2])))
