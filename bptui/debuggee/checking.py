"""Runs a check of the whole training in a copy of its process, or says why it can not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch._C import DisableTorchFunction
from torch.utils._python_dispatch import _disable_current_modes

from bptui.debuggee.apart import Overdue, apart
from bptui.debuggee.explaining import Explainer
from bptui.debuggee.kept_calls import NotKept
from bptui.debuggee.recipe.batch_leak import batch_leak
from bptui.debuggee.recipe.initial_loss import initial_loss
from bptui.debuggee.recipe.overfit import overfit
from bptui.debuggee.recipe.zero_input import zero_input
from bptui.debuggee.replay import Replay
from bptui.errors import ProtocolError
from bptui.protocol import from_json, to_json
from bptui.records import CheckName, TrainingCheck

PATIENCE = 60.0
"""Seconds after which a check is given up."""

STATES = 4
"""So many times the weights a check takes: their values, gradients, and the state of Adam."""

NOT_TRACED = (
    "Not checked: the calls of this sample were not kept, as it was not known that the training would stop after "
    "it: step one sample (s), then ask again."
)


def check_training(
    name: CheckName, explainer: Explainer | None, sample: int, first_loss: float | None
) -> TrainingCheck:
    """What a check of the training says at a stop; it does not raise, and changes nothing.

    Args:
        name: Which check.
        explainer: Has listened to the sample at hand; None if nobody has.
        sample: How many samples were complete before it.
        first_loss: The loss of the first sample of all; None if it is not known.
    """
    if explainer is None:
        return TrainingCheck(name, text=NOT_TRACED)
    if not explainer.roots:
        return TrainingCheck(name, text="Not checked: there is no loss yet, the sample is in its forward pass.")
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return TrainingCheck(name, text="Not checked: CUDA is in use, and a copy of the process can not use it.")

    def work() -> str:
        with DisableTorchFunction(), _disable_current_modes():
            return to_json(_told(name, lambda: _checked(name, explainer, sample, first_loss)))

    return _told(name, lambda: from_json(TrainingCheck, apart(work, PATIENCE)))


def _told(name: CheckName, check: Callable[[], TrainingCheck]) -> TrainingCheck:
    try:
        return check()
    except (NotKept, Overdue) as error:
        why = str(error)
    except (OSError, ProtocolError) as error:
        why = f"no copy of the process could do it: {error}"
    except Exception as error:  # the user's own code, on other data and weights
        why = f"it failed: {error!r}"[:300]
    return TrainingCheck(name, text=f"Not checked: {why}.")


def _checked(name: CheckName, explainer: Explainer, sample: int, first_loss: float | None) -> TrainingCheck:
    explainer.kept.end()
    replay = Replay(explainer.kept, next(reversed(explainer.roots)))
    _refuse_shortage(sum(leaf.numel() * leaf.element_size() for leaf in replay.leaves))
    replay.check()
    if name == "initial loss":
        told = initial_loss(replay, sample, first_loss)
    else:
        told = {"overfit": overfit, "zero input": zero_input, "batch leak": batch_leak}[name](replay)
    count = len(explainer.roots)
    return replace(told, text=f"Of {count} backward passes, the last: {told.text}") if count > 1 else told


def _refuse_shortage(weights: int) -> None:
    known = Path("/proc/meminfo")
    lines = known.read_text().splitlines() if known.exists() else []
    free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    if free is not None and STATES * weights > free:
        raise NotKept(
            f"it takes {STATES * weights / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB are free"
        )
