"""What a session says of a training in words and numbers."""

from __future__ import annotations

import base64
import collections
import signal
import time
from array import array

from bptui.protocol import Samples
from bptui.records import QUANTITIES


class Rate:
    """Samples per second over the last second or so.

    Attributes:
        silence: How many updates there were since the last one with a new sample.
    """

    def __init__(self) -> None:
        self.silence = 0
        self._marks: collections.deque[tuple[float, int]] = collections.deque(maxlen=25)

    def update(self, steps: int) -> float:
        """Note that there are so many samples now; returns the rate."""
        now = time.monotonic()
        self.silence = self.silence + 1 if self._marks and self._marks[-1][1] == steps else 0
        self._marks.append((now, steps))
        then, before = self._marks[0]
        return (steps - before) / (now - then) if now > then else 0.0


def death(code: int) -> str:
    """How a process ended that did not say so itself, from its exit code; negative for a signal."""
    if code >= 0:
        return f"it ended with exit code {code}"
    names = {int(each): f" ({each.name})" for each in signal.Signals}
    return f"killed by signal {-code}{names.get(-code, '')}"


def loss_of(batch: Samples, step: int) -> float | None:
    """The loss of a step of a batch, None for NaN."""
    width = 2 + len(QUANTITIES)
    start = (step - batch.first) * width + 2 + QUANTITIES.index("loss")
    loss = array("d", base64.b64decode(batch.rows))[start]
    return None if loss != loss else loss


def in_words(batch: Samples) -> str:
    """The last sample of a batch in one line."""
    numbers = array("d", base64.b64decode(batch.rows))[-2 - len(QUANTITIES) :]
    named = dict(zip(("epoch", "index", *QUANTITIES), numbers, strict=True))
    return (
        f"epoch {named['epoch']:.0f} sample {named['index'] + 1:.0f} "
        f"loss {named['loss']:.4g} grad {named['grad']:.4g} weight {named['weight']:.4g}"
    )
