"""Finds the epochs that have ended in the samples that are written."""

from __future__ import annotations

from collections.abc import Iterator

Ended = tuple[int, int, int, int]
"""An ended epoch: its ordinal in the branch, its number, its first and its last step."""


class EpochFinder:
    """Follows the samples of a branch; an epoch ends where that is declared, else before the next begins."""

    def __init__(self) -> None:
        self._ordinal = 0
        self._first = 0
        self._epoch: int | None = None
        self._index = 0

    def follow(self, first: int, epochs: list[int], indexes: list[int], declared: int | None) -> Iterator[Ended]:
        """The epochs that end with these samples.

        Args:
            first: The step of the first of them.
            epochs: The epoch of each.
            indexes: The position of each in its epoch.
            declared: How many samples an epoch has, if the loop says so.
        """
        for step, (epoch, index) in enumerate(zip(epochs, indexes, strict=True), first):
            # The same number again, from the first sample on, is another epoch: a counter that was set back.
            if self._epoch is not None and (epoch != self._epoch or index == 0 < self._index):
                yield self._end(self._epoch, step - 1)
            self._index = index
            if self._epoch is None:
                self._epoch, self._first = epoch, step
            if index + 1 == declared:
                yield self._end(epoch, step)

    def finish(self, steps: int) -> Iterator[Ended]:
        """The epoch that is under way when the loop runs out after so many samples."""
        if self._epoch is not None:
            yield self._end(self._epoch, steps - 1)

    def _end(self, epoch: int, last: int) -> Ended:
        ended = (self._ordinal, epoch, self._first, last)
        self._ordinal, self._epoch = self._ordinal + 1, None
        return ended
