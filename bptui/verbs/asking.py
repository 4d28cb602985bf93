"""Verbs about expressions: print, set, watch, unwatch."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from typing import Any

from bptui.errors import BptuiError
from bptui.protocol import Assign, Assigned, Evaluate, Evaluated, Watches
from bptui.verbs.driver import Driver, Result

_SET = re.compile(r"(?P<target>[^=\s]+(?:\s*\[.*?\])?)\s*(?:=\s*|\s)(?P<value>[^=].*)$", re.DOTALL)


def expression(argument: str) -> str:
    """An expression of Python.

    Raises:
        BptuiError: It is none.
    """
    text = argument.strip()
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = getattr(error, "msg", None) or str(error)
        raise BptuiError(f"{why}, in {text!r}" if text else "which expression?") from error
    return text


async def print_(driver: Driver, text: str) -> Result:
    """What an expression is, where the training stands."""
    answer = await driver.ask(lambda request: Evaluate(request, text, driver.frame))
    assert isinstance(answer, Evaluated)
    value = answer.value
    if value.problem:
        return Result(problem=value.problem)
    return Result(value.text, value.text if value.number is None else number(value.number))


def number(value: float) -> Any:
    """A number as JSON can hold it: NaN and infinities are texts, whole numbers have no point."""
    if not math.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def assignment(argument: str) -> tuple[str, str]:
    """set TARGET VALUE, or TARGET = VALUE.

    Raises:
        BptuiError: It is neither.
    """
    found = _SET.fullmatch(argument.strip())
    if not found:
        raise BptuiError("set what to what? set lr 0.001, set w[0] = 0")
    return found["target"].strip(), expression(found["value"])


async def set_(driver: Driver, target: str, value: str) -> Result:
    """Give something another value."""
    answer = await driver.ask(lambda request: Assign(request, target, value, driver.frame))
    assert isinstance(answer, Assigned)
    return Result(answer.text, answer.text or None, answer.problem)


async def watch(driver: Driver, text: str) -> Result:
    """Watch an expression, too."""
    known = driver.status.watches
    return await _watches(driver, known if text in known else (*known, text))


async def unwatch(driver: Driver, text: str) -> Result:
    """Watch one no more; without one, none."""
    if text and text not in driver.status.watches:
        return Result(problem=f"{text!r} is not watched")
    return await _watches(driver, tuple(each for each in driver.status.watches if text and each != text))


async def _watches(driver: Driver, wanted: tuple[str, ...]) -> Result:
    await driver.send(Watches(wanted))
    await driver.until(lambda status: status.watches == wanted)
    return watched(driver)


def watched(driver: Driver) -> Result:
    """What is watched, and what it is."""
    status = driver.status
    lines, values = [], []
    for each in status.watches:
        series = driver.reader.watched(each, status.branch, status.steps, 1)
        value = series[0][1] if series else None
        text = "not known yet" if value is None else value.problem or value.text
        lines.append(f"{each}  {text}")
        values.append({"expression": each, "value": text if value is None or value.number is None else number(value.number)})
    return Result("\n".join(lines) or "nothing is watched", values)


Ask = Callable[[Driver], Any]
