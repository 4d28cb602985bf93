"""What all panels share: a frame with a number and a title, and a view to draw."""

from __future__ import annotations

from typing import ClassVar

from textual.containers import Container
from textual.content import Content

from bptui.app.panels import rates
from bptui.app.panels.inspected import Inspected, Quantity
from bptui.app.view import View
from bptui.protocol import TensorRef
from bptui.recording.reader import Reader
from bptui.records import LOSSES, QUANTITIES, RecordedSample, TensorSummary
from bptui.where import place


class Panel(Container):
    """A framed part of the screen.

    Attributes:
        NAME: Its title.
        NUMBER: The key that goes to it.
    """

    NAME: ClassVar[str]
    NUMBER: ClassVar[int | str]

    DEFAULT_CSS = """
    Panel {
        border: round $foreground 30%;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        padding: 0;
        &:focus-within { border: round $border; border-title-color: $text; border-title-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id=self.NAME.lower())
        self._told: tuple[str, str] | None = None

    def on_mount(self) -> None:
        self.titled()

    def titled(self, detail: str = "", aside: str = "") -> None:
        """Put a detail behind the title, and something aside in the lower border."""
        title = f"{self.NUMBER} {self.NAME}" + (f"  {detail}" if detail else "")
        if (title, aside) != self._told:  # each of them draws the frame anew
            self._told = title, aside
            # A str would be markup, of which a path knows nothing.
            self.border_title, self.border_subtitle = Content(title), Content(aside)

    def take_focus(self) -> None:
        """Give the focus to the widget inside that wants it, at once: the next key is its own."""
        self.screen.set_focus(next(widget for widget in self.query("*") if widget.can_focus))

    def show(self, view: View, reader: Reader) -> None:
        """Draw a view."""
        raise NotImplementedError

    def stop_at(self, view: View) -> str:
        """The breakpoint that what is selected here would be, as it is written; empty if none."""
        return ""

    def inspected(self, view: View, reader: Reader) -> tuple[str, Inspected]:
        """What `inspect` shows from here: a title and the quantities of the selected row."""
        sample = view.sample
        if sample is None:
            return "", ()
        title = place(sample)
        old = reader.sample(sample.branch, sample.step - 1) if sample.step else None
        quantities = [
            _quantity(name, sample.quantities[name], old) for name in QUANTITIES if name in sample.quantities
        ]
        facts = (*_losses(sample), *rates.facts(sample.rates))
        return title, (*quantities, *(Quantity(*fact) for fact in facts))


def _quantity(name: str, summary: TensorSummary, old: RecordedSample | None) -> Quantity:
    """A quantity of a sample; a single number, or the norm of all parameters, is recorded as it is."""
    ref = TensorRef("quantity", 0, name) if summary.item is None and summary.values else None
    return Quantity(name, summary, ref, old.quantities.get(name) if old else None, old.step + 1 if old else -1)


def _losses(sample: RecordedSample) -> list[tuple[str, str]]:
    """The loss of each backward pass, where there are several."""
    losses = sample.quantities.get(LOSSES)
    return [(f"loss {number}", repr(loss)) for number, loss in enumerate(losses.values, 1)] if losses else []
