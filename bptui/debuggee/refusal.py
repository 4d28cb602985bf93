"""How a target is refused."""

from __future__ import annotations


class Refusal(Exception):
    """The target can not be debugged; its text is one line why.

    Attributes:
        traceback: The frames of the user's code, if there are any.
        code: The exit code; 0 if help was asked for.
    """

    def __init__(self, line: str, traceback: str = "", code: int = 2) -> None:
        super().__init__(line)
        self.traceback = traceback
        self.code = code
