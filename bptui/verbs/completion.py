"""What a line of verbs may go on with: verbs, names of expressions, parameters, kinds of breakpoints."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from bptui.breakpoints import KINDS
from bptui.errors import BptuiError
from bptui.expressions import FUNCTIONS, NAMES
from bptui.expressions.language import WORDS
from bptui.records import PHASES
from bptui.verbs.table import VERBS, find_verb
from bptui.verbs.training import Training

_WORD = re.compile(r"[\w.]*$")


def complete(line: str, training: Training) -> tuple[str, tuple[str, ...]]:
    """How a line may go on.

    Returns:
        The line, as far as all agree on it, and what its last word may become; none if there is nothing to say.
    """
    name, space, rest = line.lstrip().partition(" ")
    if not space:
        return _finished(line, name, [each.name for each in VERBS])
    try:
        verb = find_verb(name)
    except BptuiError:
        return line, ()
    first = " " not in rest.lstrip()
    words = list(verb.words) if first else []
    if verb.completes == "verb" and first:
        words += [each.name for each in VERBS]
    elif verb.completes == "number":
        words += [str(each.id) for each in training.status.breakpoints]
    elif verb.completes == "breakpoint":
        words += _of_breakpoint(rest.lstrip(), training)
    elif verb.completes == "condition":
        words += _of_condition(rest, training)
    elif verb.completes in ("expression", "target"):
        words += _of_expression(rest, training) + (["lr"] if verb.completes == "target" else [])
    word = _last(rest)
    return _finished(line, word, words)


def _last(rest: str) -> str:
    found = _WORD.search(rest)
    return found[0] if found else ""


def _finished(line: str, word: str, words: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    found = tuple(sorted({each for each in words if each.startswith(word)}))
    if not found:
        return line, ()
    columns = itertools.takewhile(lambda column: len(set(column)) == 1, zip(*found, strict=False))
    agreed = "".join(column[0] for column in columns)
    return line + agreed[len(word) :] + (" " if found == (agreed,) and agreed.isalpha() else ""), found


def _of_breakpoint(rest: str, training: Training) -> list[str]:
    place, found, _ = rest.partition(" if ")
    kind, space, _ = place.partition(" ")
    if found or (space and kind not in KINDS):
        return _of_condition(rest, training)
    if not space:
        return [*KINDS, *_of_condition(rest, training)]
    named = {"param": _parameters, "module": _modules, "op": _ops}.get(kind)
    return list(PHASES) if kind == "phase" else named(training) if named else []


def _of_condition(rest: str, training: Training) -> list[str]:
    return _parameters(training) if _is_quoted(rest) else list(WORDS)


def _is_quoted(rest: str) -> bool:
    """Whether it ends within quotes."""
    return bool(rest.count('"') % 2 or rest.count("'") % 2)


def _of_expression(rest: str, training: Training) -> list[str]:
    if _is_quoted(rest):
        return _parameters(training)
    stack = training.stack
    frames = stack.frames if stack else ()
    here = frames[min(training.frame, len(frames)) - 1].locals if frames else ()
    return [*NAMES, *FUNCTIONS, *(each.name for each in here if _WORD.fullmatch(each.name))]


def _parameters(training: Training) -> list[str]:
    reader = training.reader
    found = reader.parameters(training.branch, training.steps - 1) if reader else ()
    return [each.name for each in found if each.name]


def _modules(training: Training) -> list[str]:
    return list({each.rpartition(".")[0] for each in _parameters(training) if "." in each})


def _ops(training: Training) -> list[str]:
    reader = training.reader
    traced = reader.traced_step(training.branch, training.steps - 1) if reader else None
    graph = reader.graph(training.branch, traced) if reader and traced is not None else None
    return [] if graph is None else [name for name, is_op in zip(graph.structure.names, graph.structure.is_op,
                                                                 strict=True) if is_op]  # fmt: skip
