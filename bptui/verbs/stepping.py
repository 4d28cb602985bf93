"""Verbs that go on, go back, begin again and end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bptui.expressions import parse, suggestion
from bptui.goals import find, parse_goal
from bptui.protocol import Command, Reset, Step
from bptui.protocol.messages import Granularity
from bptui.verbs.training import Training
from bptui.verbs.verb import BadVerb, Result, Verb, Work, count, nothing

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
    found = [each for each in GRANULARITIES if each.startswith(word) or f"{each}s" == word]
    if len(found) != 1:
        raise BadVerb(
            f"no step is called {word!r}: {', '.join(GRANULARITIES)}{suggestion(word, GRANULARITIES)}", 0
        )
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
        branch, newest = training.status.branch, training.status.steps
        step = find(training.reader, branch, newest, goal)
        if isinstance(step, str):
            return Result(problem=step)
        if step < newest:
            training.look_at(None if step == newest - 1 else (branch, step))
            return stopped(training) if training.shown is None else _past(training)
        if training.is_over:
            return Result(problem=f"the run has {newest:,} samples")
        return await _going(Step("sample", step - newest + 1))(training)

    return go


def _past(training: Training) -> Result:
    sample = training.sample
    loss = sample.quantities.get("loss") if sample else None
    number = loss.item if loss else None
    text = training.where if number is None else f"{training.where} · loss {number:.6g}"
    return Result(
        f"{text}\nlooking back: the training stands after {training.status.steps:,} samples", {"loss": number}
    )


def _reset(rest: str) -> Work:
    nothing(rest, "reset")

    async def reset(training: Training) -> Result:
        await training.until(lambda: training.status.state != "starting")
        if training.status.state == "lost":
            return Result(problem="there is no session any more")
        branch = training.status.branch
        training.look_at(None)
        training.send(Reset())
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
    Verb("goto", "PLACE", "Go to sample 120 of the run, e3, the end of epoch 3, or 3.5; or run there", _goto,
         looks=True),
    Verb("reset", "", "Begin again before the first sample, on a new branch", _reset),
    Verb("quit", "", "End the training and leave; the recording stays", _quit, looks=True),
)  # fmt: skip
