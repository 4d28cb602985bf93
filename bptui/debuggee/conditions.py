"""The breakpoints as the debuggee sees them: which hold, how often, and where the training stops for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bptui.breakpoints import is_at, sample_index
from bptui.debuggee.unseen import Unseen
from bptui.errors import BptuiError
from bptui.expressions import Expression, Unknown, parse, parse_message
from bptui.expressions.message import Message
from bptui.protocol import BreakpointsHit, HitSeen, Logged
from bptui.records import Breakpoint, Hit, Hits


@dataclass(slots=True)
class Armed:
    """A breakpoint that is looked at."""

    breakpoint: Breakpoint
    expression: Expression | None
    message: Message | None
    holds: bool = False
    count: int = 0
    at: int = -1
    problem: str = ""
    is_news: bool = False
    unseen: Unseen = field(init=False)

    def __post_init__(self) -> None:
        self.unseen = Unseen(self.breakpoint)

    @property
    def hits(self) -> Hits:
        """What has become of it."""
        return Hits(self.breakpoint.id, self.count, self.at, self.problem or self.unseen.problem)

    @property
    def is_inside(self) -> bool:
        """Whether it is about ops."""
        return self.expression is not None and self.expression.is_inside and not self.breakpoint.line

    def expressions(self) -> tuple[Expression, ...]:
        """All of it that has to be known."""
        inner = self.message.expressions if self.message else ()
        return (*((self.expression,) if self.expression else ()), *inner)

    def hit(self, quantities: Mapping[str, Any], step: int) -> bool:
        """Look whether it hits, and count it."""
        try:
            holds = self.expression is None or self.expression.holds(quantities)
            problem = ""
        except Exception as error:  # it is the user's: whatever it does, the training goes on
            holds, problem = False, _in_words(error)
        self.is_news = self.is_news or problem != self.problem
        begins, self.holds, self.problem = not self.holds, holds, problem
        if not holds or not (begins or self.breakpoint.each):
            return False
        self.count, self.at, self.is_news = self.count + 1, step, True
        return self.count > self.breakpoint.ignore


def _in_words(error: Exception) -> str:
    first = next(iter(str(error).splitlines()), "")
    return first if isinstance(error, Unknown) else f"{type(error).__name__}: {first}"


class Conditions:
    """All breakpoints.

    Attributes:
        at_samples: Whether one has to be looked at after every sample.
        at_ops: Whether one has to be looked at after every op.
        needs_updates: Whether the update of each parameter has to be measured for that.
        named: The parameters whose gradient, or which themselves, are asked for, after what of them.
        is_about_missing: Whether it is asked which parameters got no gradient.
        is_about_unchanged: Whether it is asked which parameters an update left as they were.
        indexes: The positions in the epoch, from 0, of those that stop there always.
    """

    def __init__(self, say: Callable[[Logged | HitSeen], None]) -> None:
        """Know of none.

        Args:
            say: Takes each hit, and what logpoints say.
        """
        self._say = say
        self._armed: list[Armed] = []
        self._until: Expression | None = None
        self.indexes: frozenset[int] = frozenset()
        self.at_samples = self.at_ops = False
        self.needs_updates = self.is_about_missing = self.is_about_unchanged = False
        self.named: frozenset[tuple[str, str]] = frozenset()

    def arm(self, breakpoints: Iterable[Breakpoint]) -> None:
        """Look at these from now on, and at no others; those that are known keep their hits."""
        known = {(each.breakpoint.id, each.breakpoint.text): each for each in self._armed}
        self._armed = [_armed(each, known.get((each.id, each.text))) for each in breakpoints]
        self._sort()

    def aim(self, until: str) -> None:
        """Stop after the next sample at which this holds; empty for none."""
        self._until = parse(until) if until else None
        self._sort()

    def _sort(self) -> None:
        active = [each for each in self._armed if each.breakpoint.is_enabled]
        samples = [each for each in active if not each.is_inside and not each.breakpoint.line]
        self.at_samples = bool(self._until) or any(sample_index(each.breakpoint) is None for each in samples)
        self.at_ops = any(each.is_inside for each in active)
        self.indexes = frozenset(i for each in samples if (i := sample_index(each.breakpoint)) is not None)
        looked_at = [part for each in active for part in each.expressions()]
        looked_at += [self._until] if self._until else []
        self.needs_updates = any(each.needs_updates for each in looked_at)
        self.is_about_missing = any(each.is_about_missing for each in looked_at)
        self.is_about_unchanged = any(each.is_about_unchanged for each in looked_at)
        self.named = frozenset(name for each in looked_at for name in each.named)

    @property
    def needs_graphs(self) -> bool:
        """Whether a loop's samples have to be traced: only their graph tells the gradients of parameters."""
        return self.is_about_missing or any(name == "grad" for name, _ in self.named)

    def at_sample(self, quantities: Mapping[str, Any], step: int) -> tuple[int, ...]:
        """Those that stop after this sample, by their numbers; 0 stands for what `aim` was told."""
        found = self._look(lambda each: not each.is_inside and not each.breakpoint.line, quantities, step)
        for each in self._armed:
            each.is_news = each.unseen.end(step) or each.is_news
        if self._until is not None:
            try:
                reached = self._until.holds(quantities)
            except Exception:  # it may hold later; what is wrong with it was said when it was set
                reached = False
            found = (*found, *(0,) * reached)
        return found

    def at_op(self, quantities: Mapping[str, Any], step: int, place: Callable[[], str]) -> tuple[int, ...]:
        """Those that stop after this op or node, which `place` names."""
        for each in self._armed:
            if each.breakpoint.is_enabled and each.is_inside:
                each.is_news = each.unseen.look(quantities, step) or each.is_news
        return self._look(lambda each: each.is_inside, quantities, step, place)

    def at_line(self, path: str, line: int, quantities: Mapping[str, Any], step: int) -> tuple[int, ...]:
        """Those that stop at this line."""
        place = f"{Path(path).name}:{line}"
        return self._look(lambda each: is_at(each.breakpoint, path, line), quantities, step, lambda: place)

    def lines(self) -> list[Breakpoint]:
        """Those that are on lines."""
        return [each.breakpoint for each in self._armed if each.breakpoint.line and each.breakpoint.is_enabled]

    def _look(
        self,
        is_due: Callable[[Armed], bool],
        quantities: Mapping[str, Any],
        step: int,
        place: Callable[[], str] = lambda: "",
    ) -> tuple[int, ...]:
        hit = []
        for each in self._armed:
            if each.breakpoint.is_enabled and is_due(each):
                count = each.count
                if each.hit(quantities, step):
                    hit.append(each)
                if each.count > count:
                    self._say(HitSeen(Hit(step - 1, each.breakpoint.id, each.breakpoint.text, place())))
        for each in hit:
            if each.message is not None:
                self._say(Logged(step - 1, each.message.text(quantities)))
        return tuple(each.breakpoint.id for each in hit if each.message is None)

    def in_words(self, hit: Iterable[int]) -> str:
        """Why it stops."""
        texts = {each.breakpoint.id: each.breakpoint.text for each in self._armed}
        return "; ".join(f"breakpoint {each}: {texts[each]}" for each in hit if each in texts)

    def news(self) -> BreakpointsHit | None:
        """What has become of them since it was last asked, None if nothing has."""
        hits = tuple(each.hits for each in self._armed if each.is_news)
        for each in self._armed:
            each.is_news = False
        return BreakpointsHit(hits) if hits else None


def _armed(breakpoint_: Breakpoint, before: Armed | None) -> Armed:
    try:
        expression = parse(breakpoint_.condition) if breakpoint_.condition else None
        message = parse_message(breakpoint_.message) if breakpoint_.message else None
    except BptuiError as error:  # of another version: whoever sets one has parsed it
        return Armed(replace(breakpoint_, is_enabled=False), None, None, problem=str(error), is_news=True)
    if before is None:
        return Armed(breakpoint_, expression, message)
    before.breakpoint, before.message = breakpoint_, message
    return before
