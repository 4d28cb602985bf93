"""All verbs in one table: the parser, `help`, completion and the README come from it."""

from __future__ import annotations

from typing import NamedTuple

from bptui.errors import BptuiError, Misplaced
from bptui.expressions import BadExpression, suggestion
from bptui.verbs.branching import BRANCHING
from bptui.verbs.breaking import BREAKING
from bptui.verbs.evaluating import EVALUATING
from bptui.verbs.exporting import EXPORTING
from bptui.verbs.looking import LOOKING
from bptui.verbs.searching import SEARCHING
from bptui.verbs.stepping import STEPPING
from bptui.verbs.training import Training
from bptui.verbs.verb import BadVerb, Result, Verb, Work


class Prepared(NamedTuple):
    """A line that was parsed.

    Attributes:
        line: As it was typed.
        verb: Its verb.
        work: What is to be done.
    """

    line: str
    verb: Verb
    work: Work


class BadLine(Misplaced):
    """A line that is no verb."""


def parse_verb(line: str) -> Prepared:
    """What a line asks for.

    Raises:
        BadLine: Nothing that there is.
    """
    line = " ".join(line.splitlines()).strip()
    name, _, rest = line.partition(" ")
    rest = rest.strip()
    try:
        verb = find_verb(name)
    except BptuiError as error:
        raise BadLine(str(error), line, 0) from error
    try:
        return Prepared(line, verb, verb.prepare(rest))
    except BadExpression as error:
        at = line.find(error.text, len(name))
        message = error.message if at >= 0 else str(error)
        raise BadLine(message, line, max(at, 0) + error.position if at >= 0 else len(name) + 1) from error
    except BptuiError as error:
        position = error.position if isinstance(error, BadVerb) else None
        start = line.find(rest, len(name)) if rest else len(line)
        raise BadLine(str(error), line, start + (position or 0)) from error


def find_verb(name: str) -> Verb:
    """The verb of a name, or of a beginning that no other has.

    Raises:
        BptuiError: There is none, or there are several; in one line.
    """
    if not name:
        raise BptuiError("no verb: help lists them")
    found = [each for each in VERBS if each.name.startswith(name) or each.short == name]
    for each in found:
        if name in (each.name, each.short):
            return each
    if len(found) == 1:
        return found[0]
    if found:
        raise BptuiError(f"{name!r} may be {', '.join(each.name for each in found)}")
    near = suggestion(name, [each.name for each in VERBS]) or "; help lists them"
    raise BptuiError(f"no verb {name!r}{near}")


def _help(rest: str) -> Work:
    verbs = (find_verb(rest),) if rest else VERBS

    async def show(training: Training) -> Result:
        if rest:
            return Result(f"{verbs[0].synopsis}\n{verbs[0].help}", {verbs[0].synopsis: verbs[0].help})
        width = max(len(each.name) for each in verbs)
        lines = [f"{each.name:{width}}  {each.help}" for each in verbs]
        return Result("\n".join([*lines, "help VERB says how it is written; a verb's beginning is enough"]),
                      {each.synopsis: each.help for each in verbs})  # fmt: skip

    return show


VERBS: tuple[Verb, ...] = (
    *STEPPING[:-2], *SEARCHING, *BRANCHING, *BREAKING, *EVALUATING, *LOOKING, *EXPORTING,
    *STEPPING[-2:],
    Verb("help", "[VERB]", "List the verbs, or say how one is written", _help, "verb", looks=True),
)  # fmt: skip
