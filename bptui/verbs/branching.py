"""Verbs of what if: other branches, samples and updates that are skipped, races."""

from __future__ import annotations

from bptui.errors import BptuiError
from bptui.protocol import Race, Travel
from bptui.records import Branch
from bptui.verbs.stepping import travelling
from bptui.verbs.training import Training
from bptui.verbs.verb import BadVerb, Result, Verb, Work, count, nothing

_MOST = 8
"""So many race at most: more lines can not be told apart."""

_RACE = "race which learning rates, for how many samples? race lr 0.1 0.01 0.001 for 50"


def _branches(rest: str) -> Work:
    nothing(rest, "branches")

    async def show(training: Training) -> Result:
        if training.reader is None:
            return Result(problem="there is no recording yet")
        found = training.reader.branches()
        here = training.status.branch
        lines = [f"{'▶' if each.id == here else ' '} {_in_words(each, training)}" for each in found]
        value = [
            {"branch": each.id, "parent": each.parent, "forked": each.forked, "reason": each.reason,
             "samples": each.steps, "loss": last_loss(training, each)}
            for each in found
        ]  # fmt: skip
        return Result("\n".join(lines), value)

    return show


def last_loss(training: Training, branch: Branch) -> float | None:
    """The loss of its last sample."""
    sample = training.reader.sample(branch.id, branch.steps - 1) if training.reader and branch.steps else None
    loss = sample.quantities.get("loss") if sample else None
    return loss.item if loss else None


def _in_words(branch: Branch, training: Training) -> str:
    loss = last_loss(training, branch)
    forked = f"from {branch.parent} after sample {branch.forked:,}" if branch.forked else ""
    number = "" if loss is None else f"loss {loss:.6g}"
    parts = (str(branch.id), branch.reason, forked, f"{branch.steps:,} samples", number)
    return " · ".join(filter(None, parts))


def _branch(rest: str) -> Work:
    if not rest.isdecimal():
        raise BadVerb("which branch? branch 1 stands at its end; branches lists them", 0)
    number = int(rest)

    async def go(training: Training) -> Result:
        found = training.reader.branches() if training.reader else ()
        if number >= len(found):
            return Result(problem=f"there is no branch {number}: {len(found)} of them, from 0")
        return await travelling(Travel(found[number].steps, branch=number))(training)

    return go


def _skip(rest: str) -> Work:
    if rest not in ("update", "sample"):
        raise BadVerb("skip what? skip update puts back what the last sample has changed of the parameters", 0)

    async def skip(training: Training) -> Result:
        if problem := await training.stand():
            return Result(problem=problem)
        step = training.status.steps + (training.inside is not None)
        if not step:
            return Result(problem="there is nothing to skip before the first sample")
        return await travelling(Travel(step, skip=rest))(training)  # type: ignore[arg-type]

    return skip


def _race(rest: str) -> Work:
    head, _, number = rest.partition(" for ")
    words = head.replace(",", " ").split()
    if words[:1] != ["lr"] or len(words) < 2:
        raise BadVerb(_RACE, 0)
    if len(words) - 1 > _MOST:
        raise BadVerb(f"at most {_MOST} race")
    try:
        race = Race(tuple(f"{float(each):g}" for each in words[1:]), count(number.strip()))
    except ValueError as error:
        raise BadVerb(_RACE) from error
    except BptuiError as error:
        raise BadVerb(f"{error}: {_RACE}") from error

    async def run(training: Training) -> Result:
        if problem := await training.stand():
            return Result(problem=problem)
        return await travelling(race)(training)

    return run


BRANCHING = (
    Verb("branches", "", "List the branches: where they were forked, and their losses", _branches, looks=True),
    Verb("branch", "N", "Stand at the end of branch N", _branch),
    Verb("skip", "update|sample", "Put back what the sample at hand, or the last one, has changed", _skip,
         words=("update", "sample")),
    Verb("race", "lr RATE… for N", "Run N samples with each learning rate side by side, each as a branch", _race,
         words=("lr",)),
)  # fmt: skip
"""Verbs of what if."""
