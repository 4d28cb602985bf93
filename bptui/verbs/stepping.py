"""Verbs that go on, go back, begin again and end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from bptui.expressions import parse, suggestion
from bptui.goals import epoch_start, find, parse_goal
from bptui.protocol import Back, Command, Race, Reset, Step, Travel
from bptui.protocol.messages import Granularity
from bptui.verbs.training import ONLY_LOOKING, Training
from bptui.verbs.verb import BadVerb, Result, Verb, Work, count, nothing

T = TypeVar("T", bound=str)

BACKWARDS = ("sample", "op", "phase", "epoch", "hit")
"""By what one can go back."""

GRANULARITIES: tuple[Granularity, ...] = ("sample", "op", "phase", "epoch", "module")


def stopped(training: Training) -> Result:
    """Where it stands now, and why."""
    status, sample = training.status, training.sample
    loss = sample.quantities.get("loss") if sample else None
    number = loss.item if loss and training.inside is None else None
    parts = [training.where, "" if number is None else f"loss {number:.6g}"]
    reason = status.detail.strip()
    value: dict[str, Any] = {
        "state": status.state,
        "reason": reason,
        "breakpoints": list(status.hit),
        "loss": number,
    }
    if training.is_over:
        value["exit_code"] = status.exit_code
        parts.insert(0, status.state)
    text = " · ".join(filter(None, parts))
    return Result(f"{text}\n{reason}" if reason else text, value)


def _going(command: Command) -> Work:
    async def go(training: Training) -> Result:
        problem = await training.stand()
        if problem:
            return Result(problem=problem)
        training.look_at(None)
        await training.go(command)
        return stopped(training)

    return go


def _step(rest: str) -> Work:
    words = rest.split()
    granularity: Granularity = "sample"
    if words and not words[0].lstrip("-").isdecimal():
        granularity = _granularity(words.pop(0))
    if len(words) > 1 or (words and granularity == "module"):
        raise BadVerb(f"{words[-1]!r} is too much: step [{'|'.join(GRANULARITIES)}] [N]; step module takes no N")
    return _going(Step(granularity, count(words[0]) if words else 1))


def _granularity(word: str) -> Granularity:
    return _of_these(word, GRANULARITIES)


def _of_these(word: str, names: tuple[T, ...]) -> T:
    found = [each for each in names if each.startswith(word) or f"{each}s" == word]
    if len(found) != 1:
        raise BadVerb(f"no step is called {word!r}: {', '.join(names)}{suggestion(word, names)}", 0)
    return found[0]


def _resume(rest: str) -> Work:
    nothing(rest, "continue")
    return _going(Step("run"))


def _until(rest: str) -> Work:
    expression = parse(rest)
    if expression.is_inside:
        raise BadVerb(f"until is looked at after samples; inside of one: tbreak {rest}", 0)
    going = _going(Step("run", until=expression.text))

    async def go(training: Training) -> Result:
        result = await going(training)
        if result.problem or not training.is_over:
            return result
        never = f"it came to its end, and {expression.text} never held"
        return replace(result, text=f"{result.text}\n{never}", value={**result.value, "reason": never})

    return go


def _goto(rest: str) -> Work:
    goal = parse_goal(rest)
    if goal is None:
        raise BadVerb("go where? 120 is a sample of the run, e3 the end of epoch 3, 3.5 sample 5 of epoch 3", 0)

    async def go(training: Training) -> Result:
        if training.reader is None:
            return Result(problem="there is no recording yet")
        status = training.status
        known = max(status.steps, status.recorded)
        step = find(training.reader, status.branch, known, goal)
        if isinstance(step, str):
            return Result(problem=step)
        if step < known and training.can_return:
            return await travelling(Travel(step + 1))(training)
        if step < known:
            training.look_at(None if step == status.steps - 1 else (status.branch, step))
            return stopped(training) if training.shown is None else _past(training)
        if training.is_over:
            return Result(problem=f"the run has {known:,} samples")
        return await _going(Step("sample", step - status.steps + 1))(training)

    return go


def travelling(command: Travel | Back | Race) -> Work:
    """Have it go elsewhere in time, and say where it stands then."""

    async def go(training: Training) -> Result:
        if not training.obeys:
            return Result(problem=ONLY_LOOKING)
        await training.until(lambda: training.status.state != "starting")
        if not training.can_return:
            why = training.status.no_return or "there is no copy of the training to return to yet"
            running = "it is running: pause it first" if training.status.state == "running" else why
            return Result(problem=f"it can not go back: {running}")
        training.look_at(None)
        await training.go(command)
        return stopped(training)

    return go


def _back(rest: str) -> Work:
    words = rest.split()
    what = "sample"
    if words and not words[0].isdecimal():
        what = _of_these(words.pop(0), BACKWARDS)
    number = count(words.pop(0)) if words else 1
    if words:
        raise BadVerb(f"{words[-1]!r} is too much: back [{'|'.join(BACKWARDS)}] [N]")
    if what == "epoch":
        return _epochs_back(number)
    return travelling(Back(what, number))  # type: ignore[arg-type]


def _epochs_back(number: int) -> Work:
    async def go(training: Training) -> Result:
        if training.reader is None:
            return Result(problem="there is no recording yet")
        branch, steps = training.status.branch, training.status.steps
        start = epoch_start(training.reader, branch, steps - 1, number)
        return await travelling(Travel(start))(training)

    return go


def _reverse(rest: str) -> Work:
    nothing(rest, "reverse-continue")
    return travelling(Back("hit"))


def _past(training: Training) -> Result:
    sample = training.sample
    loss = sample.quantities.get("loss") if sample else None
    number = loss.item if loss else None
    text = training.where if number is None else f"{training.where} · loss {number:.6g}"
    return Result(
        f"{text}\nlooking back: the training stands after {training.status.steps:,} samples", {"loss": number}
    )


def _reset(rest: str) -> Work:
    if rest not in ("", "anew"):
        raise BadVerb(f"reset takes nothing, or anew: {rest}")

    async def reset(training: Training) -> Result:
        await training.until(lambda: training.status.state != "starting")
        if training.status.state == "lost":
            return Result(problem="there is no session any more")
        branch = training.status.branch
        training.look_at(None)
        training.send(Reset(is_anew=rest == "anew"))
        await training.until(lambda: training.status.branch > branch or training.status.state == "lost")
        await training.until(lambda: training.status.state != "starting")
        return stopped(training)

    return reset


def _quit(rest: str) -> Work:
    nothing(rest, "quit")

    async def leave(training: Training) -> Result:
        return Result(leaves=True)

    return leave


STEPPING = (
    Verb("step", f"[{'|'.join(GRANULARITIES)}] [N]", "Run N samples, ops, phases or epochs, or out of the module",
         _step, words=GRANULARITIES, short="s"),
    Verb("continue", "", "Run on to a breakpoint, or to the end", _resume),
    Verb("run", "", "The same as continue", _resume),
    Verb("until", "CONDITION", "Run until a condition holds after a sample", _until, "condition"),
    Verb("goto", "PLACE", "Go to sample 120 of the run, e3, the end of epoch 3, or 3.5, run or not", _goto,
         looks=True),
    Verb("back", f"[{'|'.join(BACKWARDS)}] [N]", "Go back N samples, ops, phases or epochs, or to the last hit",
         _back, words=BACKWARDS),
    Verb("reverse-continue", "", "Go back to the last hit of a breakpoint, or to the beginning", _reverse,
         short="rc"),
    Verb("reset", "[anew]", "Begin again before the first sample, on a new branch; anew: start the program again",
         _reset, words=("anew",)),
    Verb("quit", "", "End the training and leave; the recording stays", _quit, looks=True),
)  # fmt: skip
