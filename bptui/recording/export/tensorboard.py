"""TensorBoard: an event file of scalars, tagged by quantity, against the step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from bptui.errors import BptuiError
from bptui.recording.export.beside import Beside
from bptui.recording.export.text import losses, norms
from bptui.records import QUANTITIES, ParameterStats, RecordedSample

STATS = ("norm", "mean", "std", "min", "max")
"""What is written of a tensor of several elements: "grad/norm", "grad/mean", …."""


def write(samples: Iterable[RecordedSample], beside: Beside, output: Path) -> None:
    """Write the samples into a new or empty directory, for `tensorboard --logdir`.

    Raises:
        BptuiError: There is something already.
    """
    from tensorboardX import FileWriter
    from tensorboardX.proto.summary_pb2 import Summary

    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise BptuiError(f"{output} exists already; an export goes to a new or empty directory")
    output.mkdir(parents=True, exist_ok=True)
    writer = FileWriter(str(output))
    try:
        for sample in samples:
            # One event a sample, not one a scalar: eight scalars by SummaryWriter.add_scalar take 6 times as long.
            scalars = chain(_scalars(sample), _norms(beside.statistics(sample)))
            values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars]
            writer.add_summary(Summary(value=values), sample.step)
    finally:
        writer.close()


def _scalars(sample: RecordedSample) -> Iterator[tuple[str, Any]]:
    for name in QUANTITIES:
        summary = sample.quantities.get(name)
        if summary is not None and summary.item is not None:
            yield name, summary.item
        elif summary is not None:
            stats = ((stat, getattr(summary, stat)) for stat in STATS)
            yield from ((f"{name}/{stat}", value) for stat, value in stats if value is not None)
    yield from ((f"loss/{number}", loss) for number, loss in enumerate(losses(sample), 1))
    yield from _rates(sample)


def _norms(parameters: Iterable[tuple[str, ParameterStats]]) -> Iterator[tuple[str, float]]:
    """What was measured of each parameter: "param/fc1.weight/grad_norm"."""
    for name, stats in parameters:
        yield from ((f"param/{name}/{key}", value) for key, value in norms(stats).items() if value is not None)


def _rates(sample: RecordedSample) -> Iterator[tuple[str, float]]:
    """The learning rates: "lr"; "lr/Adam" and "lr/SGD" of several optimizers, "lr/Adam/1" of several groups."""
    for each in sample.rates:
        tag = f"lr/{each.optimizer}" if len(sample.rates) > 1 or len(each.rates) > 1 else "lr"
        tags = [f"{tag}/{group}" for group in range(len(each.rates))] if len(each.rates) > 1 else [tag]
        yield from ((tag, rate) for tag, rate in zip(tags, each.rates, strict=True) if rate is not None)
