"""The run as one line: its samples, where one is, and what there is to go back to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.content import Content
from textual.widgets import Static

from bptui.app.view import View
from bptui.recording.reader import Reader

_PAST, _FUTURE, _COPY, _EDIT, _HIT, _HERE = "━", "─", "┿", "◆", "●", "▼"

_HITS = 1000
"""So many hits are looked at; more would fill the line."""

_STYLES = {
    _PAST: "$text-primary",
    _FUTURE: "$text-muted",
    _COPY: "$text-success",
    _EDIT: "$text-warning",
    _HIT: "$text-error",
    _HERE: "bold $text",
}
"""Each sign has a colour, and says the same without one."""

_LEAST = 10
"""Cells; a shorter line would say nothing."""


class Timeline(Static):
    """Below the status line, as long as there is something to go back to."""

    DEFAULT_CSS = "Timeline { display: none; height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; }"

    def show(self, view: View, reader: Reader) -> None:
        """Draw a view."""
        status = view.status
        self.display = bool(view.commands and status.checkpoints and status.recorded)
        if self.display:
            left, right = f"{status.steps:>{len(str(status.recorded))}}", _right(view)
            width = self.app.size.width - 4 - len(left) - len(right)
            hits = (hit.step + 1 for hit in reader.hits(status.branch, 0, status.recorded, _HITS))
            marks = {_HIT: hits, _EDIT: (edit.step for edit in reader.edits(status.branch))}
            signs = _signs(view, marks, width) if width >= _LEAST else ""
            line = [(sign, _STYLES[sign]) for sign in signs]
            self.update(Content.assemble((left, "bold"), " ", *line, " ", (right, "$text-muted")))


def _right(view: View) -> str:
    status = view.status
    copies = f"{len(status.checkpoints)} cop{'y' if len(status.checkpoints) == 1 else 'ies'}"
    size = f" {status.checkpoint_bytes / 2**20:,.0f} MB" if status.checkpoint_bytes else ""
    return f"{status.recorded:,} samples  {_COPY} {copies}{size}"


def _signs(view: View, marks: Mapping[str, Iterable[int]], width: int) -> str:
    """A sign for each cell; where several things are, the one that matters most."""
    status = view.status
    total = max(status.recorded, 1)

    def cell(steps: int) -> int:
        return min(steps * width // total, width - 1)

    here = cell(status.steps)
    signs = [_PAST if at < here else _FUTURE for at in range(width)]
    for sign, places in {_COPY: status.checkpoints, **marks}.items():
        for steps in places:
            signs[cell(steps)] = sign
    signs[here] = _HERE
    return "".join(signs)
