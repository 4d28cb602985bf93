"""Verbs that have the training go on: step, continue, until, goto, reset."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

from bptui.errors import BptuiError
from bptui.expressions import parse, suggestion
from bptui.protocol import Command, Pause, Reset, Status, Step
from bptui.protocol.messages import Granularity
from bptui.verbs.driver import Driver, Result, is_over, moment

_UNITS = tuple(each for each in get_args(Granularity) if each not in ("row", "run"))


def step(argument: str) -> Step:
    """step [sample|op|phase|epoch|module] [N].

    Raises:
        BptuiError: It is none of them.
    """
    words = argument.split()
    unit = words.pop(0) if words and not words[0].isdecimal() else "sample"
    full = next((each for each in _UNITS if each == unit.removesuffix("s")), None)
    count = words.pop(0) if words else "1"
    if full is None:
        raise BptuiError(f"one can step by {', '.join(_UNITS)}, not by {unit!r}{suggestion(unit, _UNITS)}")
    if words or not count.isdecimal() or not int(count):
        raise BptuiError(f"not a whole number from 1: {' '.join([count, *words])!r}")
    return Step(full, int(count))


def until(argument: str) -> Step:
    """until CONDITION: go on to the first sample after which it holds."""
    expression = parse(argument)
    if expression.is_inside:
        raise BptuiError(f"until is about samples; for {min(expression.names)} use tbreak {argument}")
    return Step("run", until=expression.text)


async def go(driver: Driver, command: Command) -> Result:
    """Have it go on, and wait until it stands, or has come to its end."""
    if is_over(driver.status):
        return Result(problem=f"the training is over: {_first(driver.status)}")
    await driver.until(lambda status: status.state != "starting")
    stop = driver.status.stop
    await driver.send(command)
    await driver.until(lambda status: is_over(status) or (status.stop > stop and status.state == "paused"))
    return here(driver)


async def pause(driver: Driver) -> Result:
    """Stop it, if it runs."""
    if driver.status.state != "running":
        return here(driver)
    await driver.send(Pause())
    await driver.until(lambda status: status.state != "running")
    return here(driver)


async def reset(driver: Driver) -> Result:
    """Begin again before the first sample."""
    branch = driver.status.branch
    await driver.send(Reset())
    await driver.until(lambda status: status.branch > branch and status.state != "starting")
    return here(driver)


def here(driver: Driver) -> Result:
    """Where it stands, and why."""
    status, now = driver.status, moment(driver)
    if is_over(status):
        return Result(f"{status.state}  {_first(status)}".rstrip(), {"state": status.state, "detail": status.detail})
    loss = now.sample.quantities.get("loss") if now.sample else None
    number = loss.item if loss else None
    text = "  ".join(filter(None, (now.text, "" if number is None else f"loss {number:.6g}", status.detail)))
    value: dict[str, Any] = {"state": status.state, "loss": number}
    if status.detail:
        value["detail"] = status.detail
    if now.inside is not None:
        value |= {"phase": now.inside.phase, "op": now.inside.op}
    return Result(text, value)


def _first(status: Status) -> str:
    return status.detail.partition("\n")[0]


def goal(argument: str) -> Callable[[Driver], int | str]:
    """goto 120, e3, 3.5: after how many samples that is; in words, if it can not be told.

    Raises:
        BptuiError: It is no place.
    """
    text = argument.strip()
    if re.fullmatch(r"[1-9]\d*", text):
        return lambda driver: int(text)
    if match := re.fullmatch(r"e\s*(\d+)|(\d+)[.·]([1-9]\d*)", text):
        epoch, index = int(match[1] or match[2]), int(match[3]) - 1 if match[3] else None
        return lambda driver: _in_epoch(driver, epoch, index)
    raise BptuiError(f"no place is written {text!r}: 120, e3 (the end of epoch 3), 3.5 (sample 5 of epoch 3)")


def _in_epoch(driver: Driver, epoch: int, index: int | None) -> int | str:
    status, reader = driver.status, driver.reader
    end = reader.epoch_numbered(status.branch, epoch)
    if end is not None:
        return end.last + 1 if index is None else end.first + index + 1
    sample = reader.sample(status.branch, status.steps - 1) if status.steps else None
    length = sample.layout.samples if sample else None
    if sample is None or length is None:
        return "nobody knows yet how long an epoch is"
    first = sample.step - sample.index + (epoch - sample.epoch) * length
    return first + (length if index is None else index + 1)


async def goto(driver: Driver, find: Callable[[Driver], int | str]) -> Result:
    """Go on to a sample; one that has passed is told from the recording."""
    target = find(driver)
    if isinstance(target, str):
        return Result(problem=target)
    status = driver.status
    if target > status.steps:
        return await go(driver, Step("sample", target - status.steps))
    sample = driver.reader.sample(status.branch, target - 1)
    if sample is None:
        return Result(problem=f"there is no sample {target}")
    numbers = {name: each.item for name, each in sample.quantities.items() if each.item is not None}
    facts = "  ".join(f"{name} {number:.6g}" for name, number in numbers.items())
    text = f"sample {target}, from the recording: epoch {sample.epoch} · sample {sample.index + 1}  {facts}"
    return Result(text, {"epoch": sample.epoch, "sample": sample.index + 1, **numbers})
