"""Where epochs end: as the loop declares, else as the epoch before it, else one sample late."""

from __future__ import annotations

from collections.abc import Collection

from bptui.records import Sample

LATE = "past the epoch's end by one sample: its length was not known"


class Epochs:
    """Follows samples and counts the ends of their epochs.

    Attributes:
        doubt: Why the last end that was counted may not be where one expects it, empty if it is.
    """

    def __init__(self) -> None:
        self.doubt = ""
        self._last: Sample | None = None
        self._last_steps = 0
        self._length: int | None = None
        self._counted: int | None = None

    def ends_with(self, sample: Sample, steps: int) -> int:
        """How many epochs end with this sample or have ended, not counted yet, just before it.

        Args:
            sample: The newest sample; those between it and the last one given were not looked at.
            steps: How many samples there are with it.
        """
        before = self._last if steps == self._last_steps + 1 else None
        self._last, self._last_steps = sample, steps
        changed = before is not None and (before.epoch != sample.epoch or sample.index == 0 < before.index)
        if before is not None and changed and sample.samples is None:
            self._length = before.index + 1
        length = sample.samples or self._length
        on_time = length is not None and sample.index + 1 == length
        late = before is not None and changed and self._counted != before.epoch
        if on_time:
            self._counted = sample.epoch
        self.doubt = LATE if late and not on_time else ""
        return on_time + late

    def samples_to(self, ends: int) -> int | None:
        """How many samples until so many epochs have ended, None if the loop does not say."""
        sample = self._last
        if sample is None or not sample.samples or sample.index >= sample.samples:
            return None
        rest = sample.samples - sample.index - 1
        return rest + sample.samples * (ends - (rest > 0))

    def samples_to_index(self, indexes: Collection[int]) -> int | None:
        """How many samples until one at any of these positions of an epoch, None if the loop does not say."""
        sample = self._last
        if sample is None or not sample.samples:
            return None
        ahead = [(index - sample.index) % sample.samples or sample.samples for index in indexes]
        return min(ahead, default=None)

    def samples_to_the_end(self) -> int | None:
        """How many samples until the run ends, None if the loop does not say, or if that has passed."""
        sample = self._last
        if sample is None or sample.epochs is None:
            return None
        is_last = sample.index + 1 == sample.samples
        count = self.samples_to(sample.epochs - sample.epoch - is_last)
        return count if count is not None and count > 0 else None
