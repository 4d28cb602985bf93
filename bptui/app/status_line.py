"""The two lines at the top: what runs, where it is, how it goes."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from bptui.app.numbers import cell, spark
from bptui.app.view import View
from bptui.protocol import Status
from bptui.recording.reader import Reader
from bptui.where import next_sample, place_inside

_STATES = {
    "starting": ("◌", "$text-warning"),
    "running": ("▶", "$text-success"),
    "paused": ("●", "$text-warning"),
    "finished": ("✔", "$text-success"),
    "failed": ("✖", "bold $text-error"),
    "lost": ("✖", "bold $text-error"),
}
"""The sign and colour of each state."""

_ROOMY = 100
"""From this width on there is room for wider bars."""


_GAP = 2
"""Cells between the halves of a line."""

_FRAME = 4 + _GAP
"""Cells of what is around the state's name."""

_LEAST = 12
"""Cells that how it came to the state has at least."""


class StatusLine(Static):
    """Always on screen, whatever panel has the rest."""

    DEFAULT_CSS = "StatusLine { height: 2; background: $panel; color: $foreground; padding: 0 1; }"

    def show(self, view: View, reader: Reader | None, count: str) -> None:
        """Draw a view.

        Args:
            view: What to draw.
            reader: The recording, None while it is not there.
            count: The digits typed before the next key.
        """
        bar, history = (12, 16) if self.app.size.width >= _ROOMY else (8, 8)
        width, title = self.app.size.width - 2, _title(view)
        state = _state(view, count, width - title.cell_length)
        position, loss = _position(view, bar), _loss(view, reader, history)
        self.update(Content("\n").join([_row(title, state, width), _row(position, loss, width)]))


def _row(left: Content, right: Content, width: int) -> Content:
    """Both halves of a line; what is too long of the left one is left out."""
    left = left.truncate(max(0, width - right.cell_length - _GAP), ellipsis=True)
    return Content.assemble(left, " " * (width - left.cell_length - right.cell_length), right)


def _title(view: View) -> Content:
    title = view.target.title if view.target else "…"
    return Content.assemble(("bptui", "bold"), "  ", title)


def _state(view: View, count: str, room: int) -> Content:
    status = view.status
    sign, style = _STATES[status.state]
    words: list[str] = []
    if view.looks_back and view.steps:
        words.append("looking back" if view.branch == status.branch else f"looking back at branch {view.branch}")
    if not view.commands:
        words.append("recording, read-only")
    words += _elsewhere(view)
    found = f"  ! {view.diagnoses} diagnos{'es' if view.diagnoses > 1 else 'is'}" if view.diagnoses else ""
    words.insert(0, _doing(view, room - _FRAME - sum(len(word) + 3 for word in words) - len(found)))
    parts: list[Content | str | tuple[str, str]] = [(f"{sign} {' · '.join(words)}", style)]
    if found:
        parts.append((found, "bold $text-warning"))
    if status.trouble:
        parts.append(("  recording stopped", "bold $text-error"))
    if count:
        parts.append((f"  {count}…", "bold reverse"))
    return Content.assemble(*parts)


def _elsewhere(view: View) -> list[str]:
    """Where the training stands, if it is not where it was last."""
    status = view.status
    words = [f"branch {status.branch}"] if status.branch and not view.looks_back else []
    if view.commands and view.is_back:
        back = f"back at sample {status.steps:,} of {status.recorded:,}"
        words.insert(0, "re-executing" if status.state == "running" else back)
    return words


def _doing(view: View, room: int) -> str:
    status = view.status
    is_before = status.state == "paused" and not status.steps and not status.live and view.inside is None
    name = "paused before the first sample" if is_before else status.state
    first, room = status.detail.partition("\n")[0], max(room - len(name), _LEAST)
    first = first if len(first) <= room else first[: room - 1] + "…"
    if status.pausing:
        return _pausing(status)
    if status.waits_for_input:
        return "the script waits for input: i"
    if is_before:
        return f"{name} {first}".rstrip()
    if status.state == "running" and not status.steps and status.detail:
        return f"running  {status.detail}"
    if status.state == "running":
        return f"running  {status.samples_per_second:,.0f} samples/s"
    return f"{name}  {first}" if first else name


def _pausing(status: Status) -> str:
    if not status.steps:
        return "pausing at the next line of Python"
    return "pausing at the next op, p: at the next line"


def _position(view: View, width: int) -> Content:
    sample = view.sample
    if view.status.trouble and view.status.live:
        return Content(view.status.live)
    if view.inside is not None:
        return Content.assemble(next_sample(sample), " · ", (place_inside(view.inside), "bold $text-warning"))
    if sample is None:
        is_over = view.status.state in ("finished", "failed", "lost")
        return Content.styled("no sample" if is_over else "no sample yet", "$text-muted")
    samples, epochs = sample.layout.samples, sample.layout.epochs
    epoch = f"epoch {sample.epoch:>{len(str(epochs or sample.epoch))}}" + (f" of {epochs}" if epochs else "")
    digits = len(str(samples or sample.index + 1))
    place = f"sample {sample.index + 1:>{digits}}" + (f"/{samples}" if samples else "")
    bar = _progress((sample.index + 1) / samples, width) if samples else ""
    return Content.assemble(epoch, " · ", place, "  ", (bar, "$text-primary"))


def _progress(share: float, width: int) -> str:
    """How much of the epoch is done, as a bar."""
    eighths = round(min(share, 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return "▕" + ("█" * full + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")).ljust(width) + "▏"


def _loss(view: View, reader: Reader | None, width: int) -> Content:
    if view.sample is None or reader is None or view.status.trouble:
        return Content("")
    label = "last loss " if view.inside is not None else "loss "  # that of the sample before
    width -= len(label) - len("loss ")
    columns = reader.columns(view.branch, view.steps, "loss", width)
    value = cell(view.sample.quantities.get("loss"), 10)
    return Content.assemble(
        label, " " * (10 - value.cell_length), value, " ", (spark(columns).rjust(width), "$text-primary")
    )
