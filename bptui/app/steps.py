"""Where in the recording an epoch begins and ends, as one looks back."""

from __future__ import annotations

from bptui.app.view import View
from bptui.recording.reader import Reader


def epoch_forward(reader: Reader, view: View, count: int) -> int:
    """The last step of the epoch shown, or of a later one; the newest step if it has not ended."""
    end = reader.epoch_end_at(view.branch, view.step)
    if end is None:
        return view.steps - 1
    ordinal = end.ordinal + count - (end.last > view.step)
    found = reader.epoch_ends(view.branch, ordinal, ordinal + 1)
    return found[0].last if found else view.steps - 1
