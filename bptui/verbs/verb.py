"""What a verb of the command line is, and what comes of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from bptui.errors import BptuiError
from bptui.verbs.training import Training


class BadVerb(BptuiError):
    """It is no verb, or its arguments are none of it.

    Attributes:
        position: The character of the argument at which it goes wrong, from 0; None if it is all of it.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a verb.

    Attributes:
        text: For people, in any number of lines.
        value: The same as JSON has it; but NaN and infinities are still numbers.
        problem: Why nothing came of it, in one line; below it there may be the place.
        leaves: Whether the user wants to leave.
    """

    text: str = ""
    value: Any = None
    problem: str = ""
    leaves: bool = False


Work = Callable[[Training], Awaitable[Result]]
"""What is to be done, once it is known that its arguments can be meant."""

Completes = Literal["", "condition", "expression", "breakpoint", "number", "target", "path", "verb"]


@dataclass(frozen=True, slots=True)
class Verb:
    """A row of the table of verbs.

    Attributes:
        name: Its first word.
        usage: What may follow.
        help: One sentence.
        prepare: Makes the work of the arguments; raises `BptuiError` in one line if they can not be meant.
        completes: What its argument may be completed to, beside `words`.
        words: Words that its argument may begin with.
        short: One more name, for a prefix that others have, too.
        looks: Whether it only looks at what was recorded, and needs no session.
    """

    name: str
    usage: str
    help: str
    prepare: Callable[[str], Work]
    completes: Completes = ""
    words: tuple[str, ...] = ()
    short: str = ""
    looks: bool = False

    @property
    def synopsis(self) -> str:
        """How it is written."""
        return f"{self.name} {self.usage}".strip()


def nothing(rest: str, name: str) -> None:
    """Make sure that nothing follows a verb.

    Raises:
        BadVerb: Something does.
    """
    if rest:
        raise BadVerb(f"nothing can follow {name}", 0)


def count(text: str, what: str = "a count") -> int:
    """A whole number from 1.

    Raises:
        BadVerb: It is none.
    """
    if not text.isascii() or not text.isdecimal() or not 0 < len(text) <= 15 or int(text) == 0:
        raise BadVerb(f"{what} is a whole number from 1, not {text!r}")
    return int(text)
