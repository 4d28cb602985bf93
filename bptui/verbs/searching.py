"""Verbs that go back to where something began: the first number that is not finite, a condition."""

from __future__ import annotations

from bptui.expressions import BadExpression, Expression, parse, parse_python
from bptui.protocol import Back, Evaluate, Evaluated, Travel
from bptui.records import RecordedSample, Value
from bptui.verbs.stepping import stopped, travelling
from bptui.verbs.training import ONLY_LOOKING, Training
from bptui.verbs.verb import BadVerb, Result, Verb, Work, nothing

_RECORDED = frozenset({"loss", "epoch", "sample", "step"})
"""What can be said of a sample without executing it again."""


class _Unknown(Exception):
    """It is not known whether the condition holds; its text says why."""


def _first_nan(rest: str) -> Work:
    nothing(rest, "first-nan")
    return travelling(Back("nonfinite"))


def _bisect(rest: str) -> Work:
    if not rest:
        raise BadVerb(
            "bisect what? A condition: loss > 3, grad.norm > 10, model.fc1.bias[0] > 0, nonfinite(param)"
        )
    parse_python(rest)

    async def bisect(training: Training) -> Result:
        search = _Search(training, rest)
        try:
            return await search.run()
        except _Unknown as unknown:
            return Result("\n".join(search.tried), problem=str(unknown))

    return bisect


class _Search:
    """Halves the samples until the one looked at, for which a condition holds, down to the first that has it."""

    def __init__(self, training: Training, condition: str) -> None:
        self.tried: list[str] = []
        self._training, self._condition = training, condition
        self._recorded = _of_the_recording(condition)

    async def run(self) -> Result:
        """Go to that sample.

        Raises:
            _Unknown: It was not found.
        """
        last, first = self._training.steps, 1
        if not last:
            raise _Unknown("there is no sample yet")
        if not await self._holds(last):
            raise _Unknown(f"it does not hold after sample {last:,}: go to one where it does")
        while first < last:
            middle = (first + last) // 2
            first, last = (first, middle) if await self._holds(middle) else (middle + 1, last)
        await self._arrive(last)
        since = f"{self._condition} holds since sample {last:,}, if it holds for good once it has begun to"
        text = "\n".join([*self.tried, since, stopped(self._training).text])
        return Result(text, {"step": last, "tried": self.tried})

    async def _holds(self, steps: int) -> bool:
        """Whether it holds after so many samples."""
        if self._recorded is not None:
            holds = _recorded(self._recorded, self._sample(steps))
            text = str(holds)
        else:
            await self._go(steps)
            text = (await self._evaluate(steps)).text
            holds = text == "True"
        self.tried.append(f"after sample {steps:,}: {text}")
        return holds

    def _sample(self, steps: int) -> RecordedSample:
        reader = self._training.reader
        sample = reader.sample(self._training.branch, steps - 1) if reader is not None else None
        if sample is None:
            raise _Unknown(f"sample {steps:,} is not recorded")
        return sample

    async def _evaluate(self, steps: int) -> Value:
        frame = self._training.frame
        answer = await self._training.ask(lambda request: Evaluate(request, f"bool({self._condition})", frame))
        if not isinstance(answer, Evaluated):
            raise _Unknown("the training has gone on before it answered")
        if answer.value.problem:
            raise _Unknown(f"after sample {steps:,}: {answer.value.problem}")
        return answer.value

    async def _arrive(self, steps: int) -> None:
        """Look at the sample that was found; better, stand there."""
        if self._recorded is None or self._training.can_return:
            await self._go(steps)
        else:
            self._training.look_at((self._training.branch, steps - 1))

    async def _go(self, steps: int) -> None:
        training = self._training
        if not training.obeys:
            raise _Unknown(ONLY_LOOKING)
        if (
            training.is_paused
            and training.inside is None
            and training.status.steps == steps
            and not training.shown
        ):
            return
        result = await travelling(Travel(steps))(training)
        if result.problem:
            raise _Unknown(result.problem)
        if training.status.steps != steps or not training.is_paused:
            raise _Unknown(f"it does not come to stand after sample {steps:,} {training.status.detail}".strip())


def _of_the_recording(condition: str) -> Expression | None:
    """The condition, if the recording knows all that it is about."""
    try:
        found = parse(condition)
    except BadExpression:  # it is Python, and no condition of ours
        return None
    return found if found.names <= _RECORDED and not found.windows else None


def _recorded(condition: Expression, sample: RecordedSample) -> bool:
    loss = sample.quantities.get("loss")
    places = {"epoch": sample.epoch, "sample": sample.index + 1, "step": sample.step + 1}
    try:
        return condition.holds({**places, "loss": None if loss is None else loss.item})
    except (TypeError, ValueError) as error:
        raise _Unknown(f"after sample {sample.step + 1:,}: {error}") from error


SEARCHING = (
    Verb("first-nan", "", "Go back to the op, node or update of this sample that was first not finite",
         _first_nan),
    Verb("bisect", "CONDITION", "Go back to the first sample since which a condition of Python holds", _bisect,
         "expression", looks=True),
)  # fmt: skip
