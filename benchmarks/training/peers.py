"""What a training does for other tools, each as its own documentation has one do it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import torch
from torch import nn

Named = list[tuple[str, torch.Tensor]]

Logger = Callable[[int, torch.Tensor], object]
"""Called with the number of a sample and its loss, when it is over."""


def tensorboard(named: Named, *_: object) -> Logger:
    """The loss, and a histogram of each parameter."""
    from torch.utils.tensorboard.writer import SummaryWriter

    writer = SummaryWriter(tempfile.mkdtemp())

    def log(step: int, loss: torch.Tensor) -> None:
        writer.add_scalar("loss", loss.item(), step)
        for name, param in named:
            writer.add_histogram(name, param, step)

    return log


def wandb(named: Named, model: nn.Module | None = None, *_: object, every: int = 1000) -> Logger:
    """The loss, and what `watch` has of gradients and parameters; its own default is each 1000 samples."""
    model = model or sys.exit("it watches modules only")
    import wandb

    run = wandb.init(mode="offline", dir=tempfile.mkdtemp())
    run.watch(model, log="all", log_freq=every)
    return lambda step, loss: run.log({"loss": loss.item()})


def cockpit(named: Named, model: Any = None, loss_function: Any = None, optimizer: Any = None) -> Logger:
    """The quantities of Cockpit's set "economy", at each sample.

    It wants to be around the backward pass, and to be told the loss of each element of a batch. BackPACK, which it
    is built on, knows no LayerNorm.
    """
    model = model or sys.exit("it looks into modules only")
    from backpack import extend
    from cockpit import Cockpit
    from cockpit.utils.configuration import configuration

    instruments = Cockpit([param for _, param in named], configuration("economy"))
    extend(model)
    info: dict[str, object] = {"optimizer": optimizer}

    def note(function: nn.Module, batch: tuple[torch.Tensor, ...], loss: torch.Tensor) -> None:
        info.update(
            loss=loss, batch_size=len(batch[0]), individual_losses=type(function)(reduction="none")(*batch)
        )

    extend(loss_function).register_forward_hook(note)
    steps, backward = count(), torch.Tensor.backward

    def tracked(loss: torch.Tensor) -> None:
        step = next(steps)
        with instruments(step, info=dict(info)):
            backward(loss, create_graph=instruments.create_graph(step))

    torch.Tensor.backward = tracked
    return lambda step, loss: None


PEERS: dict[str, Callable[..., Logger]] = {
    "tensorboard": tensorboard,
    "wandb": wandb,
    "wandb_each": partial(wandb, every=1),
    "cockpit": cockpit,
}
