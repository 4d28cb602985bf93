"""The errors that end as one clear line at the border: command line, protocol, recording."""

from __future__ import annotations


class BptuiError(Exception):
    """Something the user can mend; its text says what is wrong, where, and what to do.

    Attributes:
        exit_code: What the command exits with.
    """

    exit_code = 2


class Misplaced(BptuiError):
    """A text that goes wrong at some place.

    Attributes:
        message: Why, in one line.
        text: All of it.
        position: The character at which it goes wrong, from 0.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        super().__init__(f"{message}, in {text!r}")
        self.message, self.text, self.position = message, text, position

    def with_caret(self) -> str:
        """Three lines: the text, a caret below where it goes wrong, and why."""
        return f"{self.text}\n{' ' * self.position}^\n{self.message}"


class ProtocolError(BptuiError):
    """A message that this version does not understand."""


class RecordingError(BptuiError):
    """A recording that can not be read or written."""
