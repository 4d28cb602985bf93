"""Verbs about breakpoints: break, tbreak, log, delete, enable, disable, ignore."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from bptui.breakpoints import parse_breakpoint
from bptui.errors import BptuiError
from bptui.protocol import Breakpoints
from bptui.records import Breakpoint
from bptui.verbs.driver import Driver, Result

Change = Callable[[tuple[Breakpoint, ...]], tuple[Breakpoint, ...]]


def parse_log(argument: str) -> Breakpoint:
    """log MESSAGE [if CONDITION]; a message in quotes may hold the word "if".

    Raises:
        BptuiError: One of them is wrong.
    """
    quoted = re.match(r"\s*(['\"])(.*?)\1\s*(.*)$", argument)
    message, rest = (quoted[2], quoted[3]) if quoted else re.match(r"(.*?)(\s+if\s.*)?$", argument).group(1, 2)  # type: ignore[union-attr]
    if not message.strip():
        raise BptuiError("log what? log loss {loss} if step % 10 == 0")
    condition = (rest or "").strip().removeprefix("if ").strip()
    found = parse_breakpoint(condition, message=message.strip()) if condition else _always(message.strip())
    return replace(found, text=f"log {argument.strip()}")


def _always(message: str) -> Breakpoint:
    return parse_breakpoint("if step > 0", message=message)


async def add(driver: Driver, wanted: Breakpoint) -> Result:
    """Stop there, too."""
    known = driver.status.breakpoints
    new = replace(wanted, id=1 + max((each.id for each in known), default=0))
    await _set(driver, (*known, new))
    about = f"{new.text}" if new.condition in ("", new.text) else f"{new.text}  ({new.condition})"
    return Result(f"breakpoint {new.id}: {about}", {"breakpoint": new.id, "condition": new.condition})


def numbers(argument: str) -> tuple[int, ...]:
    """The numbers of breakpoints; none for all.

    Raises:
        BptuiError: There is another word.
    """
    words = argument.replace(",", " ").split()
    wrong = [word for word in words if not word.isdecimal()]
    if wrong:
        raise BptuiError(f"breakpoints have numbers, {wrong[0]!r} is none: info breakpoints lists them")
    return tuple(map(int, words))


async def change(driver: Driver, which: Iterable[int], how: Callable[[Breakpoint], Breakpoint | None]) -> Result:
    """Change some, or all; what becomes None goes."""
    known, which = driver.status.breakpoints, tuple(which)
    missing = set(which) - {each.id for each in known}
    if missing:
        return Result(problem=f"there is no breakpoint {min(missing)}")
    changed = [how(each) if each.id in which or not which else each for each in known]
    await _set(driver, tuple(each for each in changed if each is not None))
    return told(driver)


def ignoring(argument: str) -> tuple[int, int]:
    """ignore N COUNT."""
    words = argument.split()
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        raise BptuiError("ignore which, how often? ignore 2 10")
    return int(words[0]), int(words[1])


async def ignore(driver: Driver, number: int, count: int) -> Result:
    """Pass over the next hits of one."""
    hits = {each.id: each.count for each in driver.status.hits}
    return await change(driver, (number,), lambda each: replace(each, ignore=hits.get(each.id, 0) + count))


def told(driver: Driver) -> Result:
    """All of them."""
    hits = {each.id: each for each in driver.status.hits}
    lines, values = [], []
    for each in driver.status.breakpoints:
        hit = hits.get(each.id)
        count, problem = (hit.count, hit.problem) if hit else (0, "")
        words = ["" if each.is_enabled else "off", "once" if each.is_temporary else "", f"ignores {each.ignore}" if each.ignore else ""]
        about = ", ".join(filter(None, words))
        lines.append(f"{each.id:>3}  {each.text}  {count} hits{f'  ({about})' if about else ''}{f'  ! {problem}' if problem else ''}")
        values.append({"id": each.id, "text": each.text, "condition": each.condition, "hits": count, "enabled": each.is_enabled, "problem": problem})
    return Result("\n".join(lines) or "no breakpoints", values)


async def _set(driver: Driver, wanted: tuple[Breakpoint, ...]) -> None:
    await driver.send(Breakpoints(wanted))
    await driver.until(lambda status: status.breakpoints == wanted)
