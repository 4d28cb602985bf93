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
        from torch.utils.data import dataloader

        _without_new_pools(torch)
        torch.set_num_threads(self.threads)
        channel.send(Found({"intra-op": self._said}))
        _without_workers(dataloader, channel)

    @property
    def _said(self) -> str:
        if self.threads == 1:
            return "1 thread of torch: a copy would lack others (--threads)"
        return f"{self.threads} threads of torch, which libomp begins anew in a copy"


def _without_new_pools(torch: Any) -> None:
    """Have torch not be told again what it knows: that begins one more pool, of threads that a copy lacks."""
    tell = torch.set_num_threads

    def set_num_threads(number: int) -> None:
        if number != torch.get_num_threads():
            tell(number)

    torch.set_num_threads = set_num_threads


def _without_workers(dataloader: Any, channel: Channel) -> None:
    """Have loaders load in the training's own process: a copy of it would have no workers.

    All come by the class of the iterators that have workers: fastai's loaders, too, which are not torch's.

    Args:
        dataloader: The module torch.utils.data.dataloader.
        channel: To which it is said.
    """
    alone, is_said = _make_alone(dataloader), False

    def __new__(cls: type, loader: Any) -> Any:  # noqa: N807 - it takes that one's place
        nonlocal is_said
        given = loader.num_workers, loader.timeout
        if not is_said:
            is_said = True
            channel.send(Found({"workers": f"0, not {given[0]}: going back needs all of it in one process"}))
        # Only while the iterator is made: the script reads what it has set.
        loader.num_workers = loader.timeout = 0
        try:
            return alone(loader)
        finally:
            loader.num_workers, loader.timeout = given

    dataloader._MultiProcessingDataLoaderIter.__new__ = __new__


def _make_alone(dataloader: Any) -> type:
    """A class of iterators without workers, of which one may be used for every epoch (`persistent_workers`)."""

    class Alone(dataloader._SingleProcessDataLoaderIter):  # type: ignore[misc]
        def _reset(self, loader: Any, first_iter: bool = False) -> None:
            super()._reset(loader, first_iter)
            self._dataset_fetcher = dataloader._DatasetKind.create_fetcher(
                self._dataset_kind, self._dataset, self._auto_collation, self._collate_fn, self._drop_last
            )

    return Alone
