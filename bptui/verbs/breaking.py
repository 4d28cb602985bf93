"""Verbs of breakpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bptui.breakpoints import KINDS, free_id, parse_breakpoint, parse_log
from bptui.protocol import Breakpoints
from bptui.records import Breakpoint, Hits
from bptui.verbs.training import Training
from bptui.verbs.verb import BadVerb, Result, Verb, Work, count


def _adding(new: Breakpoint) -> Work:
    async def add(training: Training) -> Result:
        known = training.status.breakpoints
        numbered = replace(new, id=free_id(known))
        await _set(training, (*known, numbered))
        return Result(f"breakpoint {numbered.id}: {in_words(numbered)}", as_json(numbered))

    return add


async def _set(training: Training, breakpoints: tuple[Breakpoint, ...]) -> None:
    training.send(Breakpoints(breakpoints))
    await training.until(lambda: training.status.breakpoints == breakpoints or training.is_over)


def _break(rest: str) -> Work:
    if not rest:
        raise BadVerb(f"break where? FILE.py:LINE, {', '.join(KINDS)}, or a condition such as loss > 3")
    return _adding(parse_breakpoint(rest))


def _tbreak(rest: str) -> Work:
    if not rest:
        raise BadVerb("tbreak where? As break, which lists the ways")
    return _adding(parse_breakpoint(rest, temporary=True))


def _log(rest: str) -> Work:
    return _adding(parse_log(rest))


def _changing(rest: str, done: str, change: Callable[[Breakpoint], Breakpoint | None]) -> Work:
    """Change the breakpoints of these numbers, or all; what a change returns as None goes."""
    numbers = {count(word, "a breakpoint's number") for word in rest.split()}

    async def work(training: Training) -> Result:
        known = training.status.breakpoints
        unknown = numbers - {each.id for each in known}
        if unknown or not known:
            return Result(problem=_none(unknown, known))
        asked = numbers or {each.id for each in known}
        changed = [change(each) if each.id in asked else each for each in known]
        await _set(training, tuple(each for each in changed if each is not None))
        listed = ", ".join(map(str, sorted(asked)))
        return Result(f"{done}: breakpoint{'s' * (len(asked) > 1)} {listed}", sorted(asked))

    return work


def _none(unknown: set[int], known: tuple[Breakpoint, ...]) -> str:
    if not known:
        return "there are no breakpoints"
    ids = ", ".join(str(each.id) for each in known)
    return f"there is no breakpoint {', '.join(map(str, sorted(unknown)))}: there are {ids}"


def _delete(rest: str) -> Work:
    return _changing(rest, "deleted", lambda each: None)


def _enable(rest: str) -> Work:
    return _changing(rest, "enabled", lambda each: replace(each, is_enabled=True))


def _disable(rest: str) -> Work:
    return _changing(rest, "disabled", lambda each: replace(each, is_enabled=False))


def _ignore(rest: str) -> Work:
    words = rest.split()
    if len(words) != 2 or not words[1].isdecimal():
        raise BadVerb("ignore takes two numbers: that of a breakpoint, and how many of its hits are to pass")
    number, hits = count(words[0], "a breakpoint's number"), int(words[1][:15])
    return _changing(str(number), f"{hits} hits are ignored", lambda each: replace(each, ignore=hits))


def in_words(each: Breakpoint, hits: Hits | None = None) -> str:
    """A breakpoint in one line."""
    parts = [
        each.text, "temporary" * each.is_temporary,
        "" if each.is_enabled else "disabled", f"{each.ignore} to ignore" if each.ignore else "",
        f"{hits.count} hit{'s' * (hits.count != 1)}" if hits and hits.count else "", hits.problem if hits else "",
    ]  # fmt: skip
    return " · ".join(filter(None, parts))


def as_json(each: Breakpoint, hits: Hits | None = None) -> dict[str, Any]:
    """A breakpoint for programs."""
    return {
        "id": each.id, "text": each.text, "message": each.message, "enabled": each.is_enabled,
        "temporary": each.is_temporary, "ignore": each.ignore, "hits": hits.count if hits else 0,
        "problem": hits.problem if hits else "",
    }  # fmt: skip


BREAKING = (
    Verb("break", "PLACE [if CONDITION]", "Stop at a line, op, module, param, phase, sample, epoch, or condition",
         _break, "breakpoint", short="b"),
    Verb("tbreak", "PLACE [if CONDITION]", "The same, once", _tbreak, "breakpoint"),
    Verb("log", "MESSAGE [if CONDITION]", 'Print a message and go on: log "loss {loss:.3f}" if sample == 9', _log,
         "condition"),
    Verb("delete", "[N …]", "Delete breakpoints by their numbers, or all", _delete, "number", short="d"),
    Verb("enable", "[N …]", "Have disabled breakpoints stop again", _enable, "number"),
    Verb("disable", "[N …]", "Have breakpoints stop no more, but keep them", _disable, "number"),
    Verb("ignore", "N COUNT", "Let the next COUNT hits of breakpoint N pass", _ignore, "number"),
)  # fmt: skip
