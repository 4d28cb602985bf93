"""What small screens over the main one share."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import ModalScreen

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A box in the middle; Escape closes it without an answer."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > .dialog {
            width: auto; max-width: 100%; height: auto; max-height: 100%;
            border: round $border; background: $surface; padding: 0 2;
        }
    }
    """
    BINDINGS = [("escape", "dismiss(None)", "close")]
