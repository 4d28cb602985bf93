"""Follows a run as it is recorded, and says what it finds."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from bptui.diagnostics.feeds import Feed, feeds
from bptui.diagnostics.finding import Finding, Hit
from bptui.diagnostics.limits import Limits
from bptui.diagnostics.rule import Hits, Need, Rule
from bptui.diagnostics.rules import RULES
from bptui.recording.reader import Reader

MOST = 8
"""Findings of one rule that are open at the same time; of more it is only told how many."""

KEPT = 500
"""Findings that are over, of which the newest are kept."""


class Diagnosis:
    """The findings of one branch, from its first sample on.

    It goes through a recording once. Each rule sees one kind of data, in the order of the steps, so that it comes
    to the same whether it looks on while the run is recorded, or long after, all at once or bit by bit.

    Attributes:
        branch: The branch.
    """

    def __init__(self, reader: Reader, branch: int, limits: Limits) -> None:
        """Stand before the first sample.

        Args:
            reader: The recording.
            branch: The branch.
            limits: The numbers that the rules go by.
        """
        self.branch = branch
        self._reader = reader
        self._feeds: dict[Need, Feed] = {}
        self._watches = [_Watch(rule, limits[rule.name]) for rule in RULES if limits[rule.name]["on"]]
        self._found: tuple[tuple[int, ...], tuple[Finding, ...]] = (), ()

    def follow(self, steps: int, seconds: float | None = None) -> bool:
        """Look at what has come since.

        Args:
            steps: How many samples the branch has.
            seconds: For about so long; None for as long as it takes.

        Returns:
            Whether all was looked at.
        """
        until = None if seconds is None else time.perf_counter() + seconds
        self._feeds = self._feeds or feeds(self._reader, self.branch)
        waiting = dict(self._feeds)
        while waiting:
            for need, feed in list(waiting.items()):
                items = feed(steps)
                if not items:
                    del waiting[need]
                for watch in self._watches:
                    if watch.rule.needs == need:
                        for item in items:
                            watch.see(item)
            if until is not None and time.perf_counter() > until:
                return not waiting
        return True

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, by the sample since which it is so; the same tuple as long as nothing is new."""
        versions = tuple([watch.version for watch in self._watches])
        if versions != self._found[0]:
            found = [each for watch in self._watches for each in watch.findings]
            self._found = versions, tuple(sorted(found, key=lambda each: each.since))
        return self._found[1]

    @property
    def crowded(self) -> dict[str, int]:
        """Of how many more subjects a rule holds now than there are findings, by its name."""
        return {watch.rule.name: watch.crowd for watch in self._watches if watch.crowd}


@dataclass(slots=True)
class _Case:
    """A subject of which a rule holds, or held until recently.

    Attributes:
        hit: How it was at first.
        since: The first step.
        count: So many looks in a row it held, or held not, if it is `open`.
        is_open: Whether it held long enough to be told.
        missed: The first step at which it held no more.
        finding: What was told, None if there was no room.
    """

    hit: Hit
    since: int
    count: int = 0
    is_open: bool = False
    missed: int = -1
    finding: Finding | None = None


class _Watch:
    """A rule at work: opens and closes its findings."""

    def __init__(self, rule: Rule, limits: Any) -> None:
        self.rule, self.version = rule, 0
        self._steps = int(limits["steps"])
        self._cases: dict[str, _Case] = {}
        self._over: list[Finding] = []
        self._check: Generator[Hits, Any, None] = rule.check(limits)
        next(self._check)

    @property
    def findings(self) -> list[Finding]:
        """Those that are over, then those that are not."""
        return [*self._over, *(case.finding for case in self._cases.values() if case.finding)]

    @property
    def crowd(self) -> int:
        return sum(1 for case in self._cases.values() if case.is_open and case.finding is None)

    def see(self, item: Any) -> None:
        """Judge an item."""
        hits = self._check.send(item)
        if hits is None or not (hits or self._cases):
            return
        held = {hit.subject: hit for hit in reversed(hits)}
        for subject in [each for each in self._cases if each not in held]:
            self._miss(subject, item.step)
        for hit in hits:
            if held.get(hit.subject) is hit:
                self._hold(hit, item.step)

    def _hold(self, hit: Hit, step: int) -> None:
        case = self._cases.setdefault(hit.subject, _Case(hit, step))
        if case.is_open:
            case.count = 0
            return
        case.count += 1
        if case.count >= self._steps:
            case.is_open, case.count = True, 0
            if sum(1 for each in self._cases.values() if each.finding) < MOST:
                case.finding = _finding(self.rule, case)
            self.version += 1

    def _miss(self, subject: str, step: int) -> None:
        case = self._cases[subject]
        if case.is_open and not case.count:
            case.missed = step
        case.count += 1
        if not case.is_open or case.count >= self._steps:
            del self._cases[subject]
            self.version += 1
            if case.finding is not None:
                over = [*self._over, dataclasses.replace(case.finding, until=case.missed)]
                self._over = over[-KEPT:]


def _finding(rule: Rule, case: _Case) -> Finding:
    hit = case.hit
    return Finding(
        rule.name, hit.subject, case.since, None, hit.actual, hit.limit, hit.said, rule.why, rule.advice, hit.row
    )


def open_at(findings: Sequence[Finding], step: int) -> tuple[Finding, ...]:
    """Those that held at a step."""
    return tuple(each for each in findings if each.holds_at(step))
