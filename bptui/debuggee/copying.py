"""What is changed in a training so that it can be copied: one thread, no worker processes; and it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bptui.protocol import Channel, Found


@dataclass(frozen=True, slots=True)
class Copying:
    """How copies of the training are made.

    Attributes:
        address: The abstract Unix socket at which they wait, empty if none are made.
        threads: How many intra-op threads torch has.
    """

    address: str
    threads: int

    def prepare(self, channel: Channel) -> None:
        """Torch is there: change what a copy would lack."""
        import torch
        from torch.utils.data import DataLoader

        if torch.get_num_threads() != self.threads:  # to set it begins one more pool, of threads that a copy lacks
            torch.set_num_threads(self.threads)
        channel.send(Found({"threads of torch": str(self.threads)}))
        _without_workers(DataLoader, channel)


def _without_workers(kind: Any, channel: Channel) -> None:
    """Have loaders load in the training's own process: a copy of it would have no workers."""
    iterate, is_said = kind.__iter__, False

    def __iter__(self: Any) -> Any:  # noqa: N807 - it takes that one's place
        nonlocal is_said
        given = self.num_workers, self.timeout
        if not given[0]:
            return iterate(self)
        if not is_said:
            is_said = True
            channel.send(Found({"workers": f"0, not {given[0]}: going back needs all of it in one process"}))
        # Only while the iterator is made: the script reads what it has set.
        self.num_workers = self.timeout = 0
        try:
            return iterate(self)
        finally:
            self.num_workers, self.timeout = given

    kind.__iter__ = __iter__
