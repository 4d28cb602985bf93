"""The diagnoses of the branches that are shown, followed at a bounded cost at a time."""

from __future__ import annotations

from bptui.app.view import View
from bptui.diagnostics import Diagnosis, Finding, Limits
from bptui.recording.reader import Reader

SECONDS = 0.01
"""For about so long the rules look at a time: a key is answered after that."""


class Diagnoses:
    """Follows each branch from its first sample on, as far as it is there."""

    def __init__(self, limits: Limits) -> None:
        """Know no branch yet.

        Args:
            limits: The numbers that the rules go by.
        """
        self._limits = limits
        self._of: dict[int, Diagnosis] = {}
        self._seen: dict[int, set[tuple[str, str, int]]] = {}
        self._steps: dict[int, int] = {}

    def follow(self, reader: Reader, view: View) -> bool:
        """Look on; whether all samples of the branch shown were looked at."""
        branch = view.branch
        if branch not in self._of:
            self._of[branch] = Diagnosis(reader, branch, self._limits)
            if view.steps <= 1:  # what is found in it from now on is new
                self._seen[branch] = set()
        is_done = self._of[branch].follow(view.steps, SECONDS)
        if is_done:
            self._steps[branch] = view.steps
        return is_done

    def findings(self, branch: int) -> tuple[Finding, ...]:
        """What was found in a branch."""
        return self._of[branch].findings if branch in self._of else ()

    def crowd(self, branch: int) -> int:
        """How many more are open than those."""
        return sum(self._of[branch].crowded.values()) if branch in self._of else 0

    def diagnosed(self, branch: int) -> int:
        """How many samples of a branch were all looked at when that was last so."""
        return self._steps.get(branch, 0)

    def news(self, branch: int) -> list[Finding]:
        """What was found since the last time; nothing the first time that all of a branch was looked at."""
        found = {(each.rule, each.subject, each.since): each for each in self.findings(branch)}
        is_first = branch not in self._seen
        new = [each for key, each in found.items() if not is_first and key not in self._seen[branch]]
        self._seen[branch] = {*found}
        return new


def in_words(news: list[Finding]) -> str:
    """New findings in a line or two."""
    if len(news) == 1:
        found = news[0]
        return f"{found.rule}{': ' * bool(found.subject)}{found.subject}\n{found.said}"
    rules = ", ".join(dict.fromkeys(each.rule for each in news))
    return f"{len(news)} diagnoses: {rules}"
