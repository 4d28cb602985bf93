"""The losses of a sample's backward passes, where there are several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from bptui.debuggee.stats import UNREADABLE, kind_of, summarise
from bptui.protocol import LossesSeen
from bptui.records import KEPT

Loss = Any
"""A tensor without history, or a number that was read from one, with its kind; None if it began elsewhere."""


def kept(losses: Sequence[Loss], loss: Loss) -> tuple[Any, ...]:
    """The losses with one more; of very many, the last ones."""
    return (*losses, loss)[-KEPT:]


def seen(step: int, losses: Sequence[Loss], last: Loss) -> LossesSeen | None:
    """What is to be said of a sample of several; None if one of them is no single number.

    Args:
        step: The sample.
        losses: Those of all backward passes but the last.
        last: That of the last.
    """
    try:
        with torch._C.DisableTorchFunction():
            numbers = [float(getattr(loss, "value", loss)) for loss in kept(losses, last)]
            summary = summarise(np.array(numbers))
            kind = getattr(last, "kind", None) or kind_of(last)
    except UNREADABLE:
        return None
    return LossesSeen(step, replace(summary, dtype=kind.dtype, device=kind.device))
