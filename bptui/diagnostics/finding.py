"""What a rule has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Hit(NamedTuple):
    """A rule holds of something at one sample.

    Attributes:
        subject: The parameter, layer, op or quantity; empty for the training as a whole.
        actual: The number.
        limit: The threshold that it is beyond.
        said: Both in words: "‖grad‖/‖w‖ is 2.8e-19, below 6.1e-07".
        row: Of the sample's graph, -1 if it is about none.
    """

    subject: str
    actual: float
    limit: float
    said: str
    row: int = -1


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong from one sample on, until it is not any more.

    Attributes:
        rule: The name of the rule, as in its table of the TOML.
        subject: The parameter, layer, op or quantity; empty for the training as a whole.
        since: The first step at which the rule held.
        until: The first step at which it held no more; None while it does.
        actual: The number at that step.
        limit: The threshold beside it.
        said: Both in words.
        why: Why it matters.
        advice: What to try.
        row: The row of that step's graph, -1 if it is about none.
    """

    rule: str
    subject: str
    since: int
    until: int | None
    actual: float
    limit: float
    said: str
    why: str
    advice: str
    row: int = -1

    @property
    def when(self) -> str:
        """Since and until which sample, counted as people count."""
        since = f"since sample {self.since + 1}"
        return since if self.until is None else f"{since}, until sample {self.until + 1}"

    @property
    def is_open(self) -> bool:
        """Whether it holds at the newest sample that was looked at."""
        return self.until is None

    def holds_at(self, step: int) -> bool:
        """Whether it held at a step, as far as is known."""
        return self.since <= step and (self.until is None or step < self.until)
