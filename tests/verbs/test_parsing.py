"""Lines of verbs: which verb is meant, where a line goes wrong, how it may go on."""

from __future__ import annotations

import json
import math

import pytest

from bptui.breakpoints import parse_any, written
from bptui.errors import BptuiError
from bptui.protocol import Breakpoints, Status, Step
from bptui.records import Breakpoint
from bptui.verbs import VERBS, BadLine, Training, Verbs, complete, find_verb, finite, parse_verb


@pytest.mark.parametrize(
    ("name", "verb"),
    [("s", "step"), ("st", "step"), ("c", "continue"), ("b", "break"), ("p", "print"), ("i", "info"),
     ("d", "delete"), ("unt", "until"), ("q", "quit"), ("h", "help"), ("run", "run"), ("set", "set")],
)  # fmt: skip
def test_a_beginning_is_enough(name, verb):
    assert find_verb(name).name == verb


def test_every_verb_is_found_by_its_name():
    assert [find_verb(each.name) for each in VERBS] == list(VERBS)


@pytest.mark.parametrize(
    ("line", "message", "position"),
    [
        ("", "no verb: help lists them", 0),
        ("stp 3", "no verb 'stp'; did you mean 'step'?", 0),
        ("un loss", "'un' may be until, unwatch", 0),
        ("step 0", "a count is a whole number from 1, not '0'", 5),
        ("step spam", "no step is called 'spam': sample, op, phase, epoch, module; did you mean 'sample'?", 5),
        ("step op 3 4", "'4' is too much: step [sample|op|phase|epoch|module] [N]; step module takes no N", 5),
        ("continue 3", "nothing can follow continue", 9),
        ("until  loss = 3", "use == to compare", 12),
        ("until op == 'mul'", "until is looked at after samples; inside of one: tbreak op == 'mul'", 6),
        ("print 1 +", "invalid syntax", 9),
        ("goto soon", "go where? 120 is a sample of the run, e3 the end of epoch 3, 3.5 sample 5 of epoch 3", 5),
        ("delete x", "a breakpoint's number is a whole number from 1, not 'x'", 7),
        ("set lr", "set what to what? set lr 0.001, set model.fc1.bias[0] = 0, set weight.grad = 0", 4),
        ("export a.xyz", "export in which format? --format csv, csv-parameters, jsonl, tensorboard", 7),
    ],
)
def test_a_bad_line_says_where_and_why(line, message, position):
    with pytest.raises(BadLine) as caught:
        parse_verb(line)
    assert (caught.value.message, caught.value.position) == (message, position)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line", ["break", "tbreak", "log", "ignore 1", "info", "info spam", "watch", "export", "help x"]
)
def test_what_is_missing_or_unknown_is_said(line):
    with pytest.raises(BptuiError):
        parse_verb(line)


class Obeying:
    """A session that does at once what it is told, without a training."""

    def __init__(self, **status):
        self.sent = []
        self.training = Training(self.send)
        self.training.hear(Status("paused", 0, 0, stop=1, **status))
        self.verbs = Verbs(self.training)

    def send(self, command):
        self.sent.append(command)
        status = self.training.status
        if isinstance(command, Breakpoints):
            self.training.hear(Status("paused", 0, 0, stop=status.stop, breakpoints=command.breakpoints))
        if isinstance(command, Step):
            self.training.hear(Status("paused", 0, 0, stop=status.stop + 1, breakpoints=status.breakpoints))

    async def do(self, line):
        return await self.verbs.do(parse_verb(line))


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("step", Step("sample", 1)),
        ("s 5", Step("sample", 5)),
        ("step op 3", Step("op", 3)),
        ("step epochs 2", Step("epoch", 2)),
        ("step p", Step("phase", 1)),
        ("step module", Step("module", 1)),
        ("c", Step("run")),
        ("until  loss < 0.1", Step("run", until="loss < 0.1")),
    ],
)
async def test_what_is_sent(line, command):
    session = Obeying()
    await session.do(line)
    assert session.sent == [command]


async def test_breakpoints_are_numbered_and_changed():
    session = Obeying()
    await session.do("break op mul if loss > 3")
    await session.do("tbreak sample 5")
    await session.do('log "loss {loss} if any" if sample == 4')
    first, second, third = session.training.status.breakpoints
    assert (first.id, first.condition) == (1, '(op == "mul") and (loss > 3)')
    assert (second.id, second.is_temporary) == (2, True)
    assert (third.id, third.message, third.condition) == (3, "loss {loss} if any", "sample == 4")
    assert parse_any(written(third), 3) == third
    await session.do("disable 1 3")
    await session.do("ignore 2 4")
    first, second, third = session.training.status.breakpoints
    assert (first.is_enabled, second.is_enabled, second.ignore, third.is_enabled) == (False, True, 4, False)
    assert (await session.do("delete 7")).problem == "there is no breakpoint 7: there are 1, 2, 3"
    await session.do("delete 2")
    assert [each.id for each in session.training.status.breakpoints] == [1, 3]
    await session.do("delete")
    assert (await session.do("delete")).problem == "there are no breakpoints"


async def test_where_nobody_obeys_one_can_look():
    session = Obeying()
    session.training.obeys = False
    assert "only what was recorded" in (await session.do("step")).problem
    assert "only what was recorded" in (await session.do("break nan")).problem
    assert not (await session.do("info breakpoints")).problem
    assert not session.sent


async def test_after_the_end_nothing_goes_on():
    session = Obeying()
    session.training.hear(Status("finished", 0, 9, exit_code=0))
    assert (await session.do("step")).problem == "the training is over"
    assert (await session.do("print loss")).problem == "the training is over"


@pytest.mark.parametrize(
    ("line", "completed", "words"),
    [
        ("un", "un", ("until", "unwatch")),
        ("unt", "until ", ("until",)),
        ("info s", "info s", ("sample", "stack")),
        ("step ph", "step phase ", ("phase",)),
        ("break fro", "break frozen ", ("frozen",)),
        ("break phase b", "break phase backward ", ("backward",)),
        ("break op mul if lo", "break op mul if lo", ("log", "loss")),
        ("until loss < prev", "until loss < previous ", ("previous",)),
        ("delete ", "delete 12", ("12",)),
        ("help wat", "help watch ", ("watch",)),
        ("nosuch x", "nosuch x", ()),
    ],
)
def test_completion(line, completed, words):
    session = Obeying(breakpoints=(Breakpoint(12, "nan"),))
    assert complete(line, session.training) == (completed, words)


def test_numbers_that_json_has_not_are_words():
    value = finite({"a": [math.nan, math.inf, (-math.inf, 1.5)], "b": None, "c": True, "d": 3})
    assert value == {"a": ["NaN", "Infinity", ["-Infinity", 1.5]], "b": None, "c": True, "d": 3}
    json.dumps(value, allow_nan=False)
