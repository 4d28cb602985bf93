"""The losses of a sample's backward passes, where there are several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from bptui.debuggee.stats import UNREADABLE, summarise
from bptui.protocol import LossesSeen
from bptui.records import KEPT


def keep(losses: list[torch.Tensor], loss: torch.Tensor) -> None:
    """Keep the loss of one more backward pass; of very many, the last ones."""
    losses.append(loss)
    del losses[:-KEPT]


def seen(step: int, losses: Sequence[torch.Tensor]) -> LossesSeen | None:
    """What is to be said of a sample; None if it has one loss alone, or one that is no single number."""
    if len(losses) < 2:
        return None
    try:
        with torch._C.DisableTorchFunction():
            numbers = np.array([loss.item() for loss in losses])
    except UNREADABLE:
        return None
    last = losses[-1]
    dtype, device = str(last.dtype).removeprefix("torch."), str(last.device)
    return LossesSeen(step, replace(summarise(numbers), dtype=dtype, device=device))
