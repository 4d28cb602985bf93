"""Which pass over a DataLoader do the batches come from that are trained on?"""

from __future__ import annotations

import contextlib
import threading
import weakref
from typing import Any

import torch
from torch.utils.data import IterableDataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from bptui.debuggee.own_frames import unseen

_PASS = "_bptui_pass"


class LoaderPasses:
    """Numbers the iterators of DataLoaders; an evaluation's, which takes no gradients, are left out.

    Attributes:
        latest: The pass from which the newest batch came, -1 before the first.
        taken: How many batches there were.
    """

    def __init__(self) -> None:
        self.latest = -1
        self.taken = 0
        self._count = 0
        self._iterator: weakref.ref[Any] | None = None
        self._thread = threading.main_thread().ident

    def install(self) -> None:
        """Listen from now on."""
        # Not DataLoader.__iter__: people override that one.
        begin, reset, take = (getattr(_BaseDataLoaderIter, name) for name in ("__init__", "_reset", "__next__"))

        def __init__(iterator: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            self._number(iterator)
            begin(iterator, *args, **kwargs)

        def _reset(iterator: Any, *args: Any, **kwargs: Any) -> None:
            self._number(iterator)  # workers that persist: one iterator for all passes
            reset(iterator, *args, **kwargs)

        def __next__(iterator: Any) -> Any:  # noqa: N807
            batch = take(iterator)
            if torch.is_grad_enabled() and threading.get_ident() == self._thread:
                self.taken += 1
                number = getattr(iterator, _PASS, -1)
                if number != self.latest:
                    self.latest, self._iterator = number, weakref.ref(iterator)
            return batch

        for method in (__init__, _reset, __next__):
            setattr(_BaseDataLoaderIter, method.__name__, unseen(method))

    def length(self) -> int | None:
        """How many batches the latest pass has, None if it does not say."""
        iterator = self._iterator() if self._iterator else None
        if iterator is None or isinstance(iterator._dataset, IterableDataset):
            return None
        with contextlib.suppress(Exception):  # a sampler of the user's, fastai's endless one
            return len(iterator._index_sampler)
        return None

    def _number(self, iterator: Any) -> None:
        setattr(iterator, _PASS, self._count)
        self._count += 1
