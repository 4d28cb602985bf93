"""Verbs that evaluate expressions of Python where the training stands."""

from __future__ import annotations

import ast
from typing import Any

from bptui.expressions import BadExpression, parse_python
from bptui.protocol import Assign, Assigned, Evaluate, Evaluated, Watches
from bptui.records import Value
from bptui.verbs.training import Training
from bptui.verbs.verb import BadVerb, Result, Verb, Work

_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}

_GONE = "the training has gone on before it answered"


def _checked(text: str, what: str) -> str:
    """An expression of Python, as far as can be told before it is evaluated."""
    if not text:
        raise BadVerb(f'{what} what? An expression of Python: loss, grad("fc1.weight").norm, model.fc1.bias[0]')
    parse_python(text)
    return text


def _print(rest: str) -> Work:
    text = _checked(rest, "print")

    async def show(training: Training) -> Result:
        if problem := await training.stand():
            return Result(problem=problem)
        answer = await training.ask(lambda request: Evaluate(request, text, training.frame))
        return of_value(answer.value) if isinstance(answer, Evaluated) else Result(problem=_GONE)

    return show


def of_value(value: Value) -> Result:
    """A value: a number as one, anything else as Python shows it."""
    return Result(value.text, as_json(value), value.problem)


def as_json(value: Value) -> Any:
    """A value for programs."""
    if value.problem:
        return None
    if value.kind in ("bool", "NoneType"):
        return {"True": True, "False": False}.get(value.text)
    if value.number is None:
        return value.text
    return int(value.text) if value.kind == "int" else value.number


def _watch(rest: str) -> Work:
    text = _checked(rest, "watch")

    async def watch(training: Training) -> Result:
        await training.until(lambda: training.status.state != "starting")
        known = training.status.watches
        if text not in known:
            await _set(training, (*known, text))
        return Result(f"watching {text}", text)

    return watch


def _unwatch(rest: str) -> Work:
    async def unwatch(training: Training) -> Result:
        await training.until(lambda: training.status.state != "starting")
        known = training.status.watches
        if not known:
            return Result(problem="nothing is watched")
        if rest and rest not in known:
            return Result(problem=f"{rest} is not watched: {', '.join(known)}")
        await _set(training, tuple(each for each in known if rest and each != rest))
        gone = [rest] if rest else list(known)
        return Result(f"no longer watching {', '.join(gone)}", gone)

    return unwatch


async def _set(training: Training, expressions: tuple[str, ...]) -> None:
    training.send(Watches(expressions))
    await training.until(lambda: training.status.watches == expressions or training.is_over)


def _assign(rest: str) -> Work:
    target, value = _parts(rest)

    async def assign(training: Training) -> Result:
        if problem := await training.stand():
            return Result(problem=problem)
        answer = await training.ask(lambda request: Assign(request, target, value, training.frame))
        if not isinstance(answer, Assigned):
            return Result(problem=_GONE)
        return Result(answer.text, answer.text or None, answer.problem)

    return assign


def _parts(text: str) -> tuple[str, str]:
    """What is to be set, and to what: "w[0] = 0", "lr 0.001", "w.grad *= 0.5"."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        body = []
    if len(body) == 1 and isinstance(body[0], ast.AugAssign):
        (target, factor), operator = _sources(text, body[0].target, body[0].value), type(body[0].op)
        if target and factor and operator in _OPERATORS:
            return target, f"({target}) {_OPERATORS[operator]} ({factor})"
    if len(body) == 1 and isinstance(body[0], ast.Assign) and len(body[0].targets) == 1:
        target, value = _sources(text, body[0].targets[0], body[0].value)
        if target and value:
            return target, value
    for place, character in enumerate(text):
        if character == " " and _is_expression(text[:place]) and _is_expression(text[place:].strip()):
            return text[:place], text[place:].strip()
    raise BadVerb("set what to what? set lr 0.001, set model.fc1.bias[0] = 0, set weight.grad = 0")


def _sources(text: str, *nodes: ast.expr) -> list[str]:
    return [ast.get_source_segment(text, each) or "" for each in nodes]


def _is_expression(text: str) -> bool:
    try:
        parse_python(text)
    except BadExpression:
        return False
    return True


EVALUATING = (
    Verb("print", "EXPRESSION", "Evaluate an expression of Python in the frame shown", _print, "expression"),
    Verb("watch", "EXPRESSION", "Evaluate it at every stop, and now and then while running", _watch, "expression"),
    Verb("unwatch", "[EXPRESSION]", "Watch it no more, or nothing", _unwatch, "expression"),
    Verb("set", "TARGET [=] VALUE", "Set a learning rate, variable, parameter or gradient: set lr 0.001",
         _assign, "target"),
)  # fmt: skip
