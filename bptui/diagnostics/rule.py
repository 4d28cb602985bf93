"""What a rule is: a name, what it needs to see, how it judges, and what it tells the user."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bptui.diagnostics.finding import Hit

Need = Literal["samples", "parameters", "graph", "notes"]
"""The part of a recording that a rule is shown, item by item in the order of the steps: see `seen`."""

Hits = Sequence[Hit] | None
"""Of what a rule holds at an item; None if that item says nothing about it."""

Check = Callable[[Mapping[str, float]], Generator[Hits, Any, None]]
"""A rule's judgement: given its limits, it is sent item after item, and yields what it finds in each."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table of rules.

    Attributes:
        name: The name of its table in the TOML.
        needs: What it is shown.
        check: How it judges.
        why: One sentence why it matters.
        advice: One sentence what to try.
    """

    name: str
    needs: Need
    check: Check
    why: str
    advice: str


def each(judge: Callable[[Any, Mapping[str, float]], Hits]) -> Check:
    """A rule that judges every item by itself."""

    def check(limits: Mapping[str, float]) -> Generator[Hits, Any, None]:
        hits: Hits = None
        while True:
            hits = judge((yield hits), limits)

    return check


def short(number: float) -> str:
    """A number as it stands in a sentence."""
    return f"{number:.3g}"
