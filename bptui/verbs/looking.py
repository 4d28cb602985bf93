"""`info`: what was recorded of the moment that is looked at."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

from bptui.expressions import suggestion
from bptui.records import Hits, Node, TensorSummary
from bptui.verbs.breaking import as_json, in_words
from bptui.verbs.diagnosing import diagnoses
from bptui.verbs.evaluating import as_json as value_as_json
from bptui.verbs.training import Training
from bptui.verbs.verb import BadVerb, Result, Verb, Work

_Row = dict[str, Any]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"


def _table(rows: list[_Row], columns: tuple[str, ...]) -> str:
    """Rows as aligned columns below their names; numbers to the right."""
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    is_right = [all(isinstance(row[name], float | int | None) for row in rows) for name in columns]
    return "\n".join(
        "  ".join(cell.rjust(width) if right else cell.ljust(width)
                  for cell, width, right in zip(line, widths, is_right, strict=True)).rstrip()
        for line in ([*columns], *cells)
    )  # fmt: skip


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "×".join(map(str, value)) or "scalar"
    return _number(value) if isinstance(value, float | None) else str(value)


def summary(tensor: TensorSummary | None) -> Any:
    """A tensor for programs: of one element that, of more its shape and statistics."""
    if tensor is None:
        return None
    if tensor.item is not None:
        return tensor.item
    return {
        "shape": list(tensor.shape), "dtype": tensor.dtype, "norm": tensor.norm, "min": tensor.min,
        "max": tensor.max, "mean": tensor.mean, "nonfinite": tensor.nonfinite,
    }  # fmt: skip


def _brief(tensor: TensorSummary | None) -> str:
    """A tensor in a few words: its value, or its norm."""
    if tensor is None:
        return "–"
    if tensor.item is not None:
        return f"{tensor.item:.6g}"
    bad = f", {tensor.nonfinite} not finite" if tensor.nonfinite else ""
    return f"{'×'.join(map(str, tensor.shape))} norm {_number(tensor.norm)}{bad}"


def _sample(training: Training) -> Result:
    sample = training.sample
    if sample is None:
        return Result("no sample is complete yet")
    lines = [training.where, *(f"{name:13} {_brief(each)}" for name, each in sample.quantities.items())]
    return Result("\n".join(lines), {name: summary(each) for name, each in sample.quantities.items()})


def _params(training: Training) -> Result:
    reader, branch, step = training.reader, training.branch, training.steps - 1
    parameters = reader.parameters(branch, step) if reader else ()
    if reader is None or not parameters:
        return Result("no parameters are known here: of a loop that names none, look at info sample")
    measured = reader.parameter_step(branch, step)
    stats = reader.parameter_stats(branch, measured) if measured is not None else None
    if measured is None or stats is None or reader.parameters(branch, measured) != parameters:
        stats = measured = None
    rows: list[_Row] = []
    for place, each in enumerate(parameters):
        known = stats[place] if stats else None
        norms = known._asdict() if known else dict.fromkeys(("weight", "grad", "update"))
        name = each.name or f"parameter {place + 1}"
        rows.append(
            {"name": name, "shape": list(each.shape), "dtype": each.dtype, "frozen": each.is_frozen, **norms}
        )
    when = "" if measured in (None, step) else f"\nas measured {step - (measured or 0):,} samples before"
    unknown = "" if measured is not None else "\nno norms were measured yet"
    text = _table(rows, ("name", "shape", "weight", "grad", "update"))
    return Result(f"{text}{when}{unknown}", rows)


def _graph(training: Training) -> Result:
    reader = training.reader
    if reader is None:
        return Result("there is no recording yet")
    graph, remark = None, ""
    if training.inside is not None:
        graph = reader.inside_graph(training.branch)
    else:
        traced = reader.traced_step(training.branch, training.steps - 1)
        if traced is not None:
            graph = reader.graph(training.branch, traced)
            behind = training.steps - 1 - traced
            remark = f"\nas it was traced {behind:,} samples before" if behind else ""
    if not graph:
        return Result("no sample was traced until here: step to one")
    rows = [_graph_row(number, node) for number, node in enumerate(graph, 1)]
    shown = [row | {"value": _brief(node.value), "grad": _brief(node.grad), "inputs": _listed(row["inputs"])}
             for row, node in zip(rows, graph, strict=True)]  # fmt: skip
    return Result(_table(shown, ("row", "kind", "name", "inputs", "value", "grad", "module")) + remark, rows)


def _listed(inputs: list[int]) -> str:
    return ",".join(map(str, inputs))


def _graph_row(number: int, node: Node) -> _Row:
    """A row, which counts from 1 as on screen, and as `step row` has it."""
    return {
        "row": number, "kind": node.kind, "name": node.name, "node": node.node, "module": node.module,
        "inputs": [each + 1 for each in node.inputs], "value": summary(node.value), "grad": summary(node.grad),
    }  # fmt: skip


def _breakpoints(training: Training) -> Result:
    hits = {each.id: each for each in training.status.hits}
    found = [(each, hits.get(each.id, Hits(each.id))) for each in training.status.breakpoints]
    text = "\n".join(f"{each.id:>3}  {in_words(each, hit)}" for each, hit in found)
    return Result(text or "no breakpoints", [as_json(each, hit) for each, hit in found])


def _hits(training: Training) -> Result:
    found = training.reader.breakpoints_hit(training.branch) if training.reader else ()
    rows = [
        {"id": last.breakpoint, "text": last.text, "hits": count, "sample": last.step + 1, "place": last.place}
        for count, last in found
    ]
    text = _table(rows, ("id", "hits", "sample", "text", "place")) if rows else "no breakpoint has hit"
    return Result(text, rows)


def _watches(training: Training) -> Result:
    values: dict[str, Any] = {}
    lines = []
    for expression in training.status.watches:
        reader = training.reader
        found = reader.watched(expression, training.branch, training.steps, 1) if reader else []
        value = found[0][1] if found else None
        values[expression] = value_as_json(value) if value else None
        lines.append(f"{expression} = {(value.problem or value.text) if value else '–'}")
    return Result("\n".join(lines) or "nothing is watched", values)


def _rates(training: Training) -> Result:
    sample = training.sample
    rates = sample.rates if sample else ()
    if not rates:
        return Result("no optimizer has made a step yet")
    lines = [f"{each.optimizer}: {', '.join(map(_number, each.rates))}" for each in rates]
    return Result("\n".join(lines), {each.optimizer: list(each.rates) for each in rates})


def _stack(training: Training) -> Result:
    stack = training.stack
    if stack is None or not stack.frames:
        return Result("no frames were recorded here: the training did not stop here")
    frames = [
        {"frame": number, "function": each.function, "path": each.place.path, "line": each.place.line}
        for number, each in enumerate(stack.frames, 1)
    ]
    lines = [f"{each['frame']:>3}  {each['function']}  {each['path']}:{each['line']}" for each in frames]
    return Result("\n".join(lines), frames)


ABOUT: dict[str, Callable[[Training], Result | Awaitable[Result]]] = {
    "params": _params, "graph": _graph, "breakpoints": _breakpoints, "watches": _watches, "sample": _sample,
    "rates": _rates, "stack": _stack, "hits": _hits, "diagnoses": diagnoses,
}  # fmt: skip
"""What there is to know."""


def _info(rest: str) -> Work:
    found = [name for name in ABOUT if name.startswith(rest)]
    if not rest or (len(found) != 1 and rest not in ABOUT):
        raise BadVerb(
            f"info about {', '.join(ABOUT)}{f', not {rest!r}' if rest else ''}{suggestion(rest, ABOUT)}", 0
        )
    about = ABOUT[rest if rest in ABOUT else found[0]]

    async def info(training: Training) -> Result:
        found = about(training)
        return await found if isinstance(found, Awaitable) else found

    return info


def finite(value: Any) -> Any:
    """The same where numbers that JSON does not have are words: "NaN", "Infinity", "-Infinity"."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, list | tuple) else value


LOOKING = (
    Verb("info", "|".join(ABOUT), "Show what was recorded of the moment that is shown", _info, words=tuple(ABOUT),
         short="i", looks=True),
)  # fmt: skip
