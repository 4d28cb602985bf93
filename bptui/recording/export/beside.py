"""What a recording knows of a sample beside its quantities."""

from __future__ import annotations

from collections.abc import Sequence

from bptui.recording.reader import Reader
from bptui.records import Edit, Hit, ParameterStats, RecordedSample

MOST = 1000
"""Of the hits of breakpoints in one sample, so many first ones are written."""


class Beside:
    """Looks it up, sample by sample."""

    def __init__(self, reader: Reader, branch: int) -> None:
        """Read what was set by hand: it is little.

        Args:
            reader: The recording.
            branch: The branch of all samples.
        """
        self._reader = reader
        self._edits: dict[int, list[Edit]] = {}
        for edit in reader.edits(branch):
            self._edits.setdefault(edit.step, []).append(edit)

    def statistics(self, sample: RecordedSample) -> tuple[tuple[str, ParameterStats], ...]:
        """The parameters with their norms, none where they were not measured; of one without a name, its place."""
        stats = self._reader.parameter_stats(sample.branch, sample.step)
        if stats is None:
            return ()
        parameters = self._reader.parameters(sample.branch, sample.step)
        names = [each.name or f"parameter {place}" for place, each in enumerate(parameters, 1)]
        return tuple((name, each) for name, each in zip(names, stats, strict=True) if each is not None)

    def edits(self, sample: RecordedSample) -> Sequence[Edit]:
        """What was set by hand before its end, and after the sample before it."""
        return self._edits.get(sample.step, ())

    def hits(self, sample: RecordedSample) -> Sequence[Hit]:
        """The breakpoints that have hit in it, or after it."""
        return self._reader.hits(sample.branch, sample.step, sample.step + 1, MOST)
