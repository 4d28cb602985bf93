"""Executing a recorded sample again beside the training, op by op, for its whole graph."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence

from bptui.errors import ProtocolError
from bptui.protocol import (
    Ended,
    Explained,
    GraphTraced,
    Message,
    ParameterSamples,
    ParametersSeen,
    Samples,
    Stopped,
    Travel,
)
from bptui.records import Parameter
from bptui.session.checkpoints import Checkpoint, Checkpoints
from bptui.session.debuggee import Debuggee
from bptui.session.words import loss_of

_SET = -1


class Zoom:
    """One copy at a time that looks, and ends."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        seen: Callable[[int, Sequence[Message], float | None], None],
        say: Callable[[str], None],
    ) -> None:
        """Look at nothing yet.

        Args:
            checkpoints: Takes the copy that comes in its place.
            seen: Given the step of a sample, what was seen of it, and its loss.
            say: Given what is going on, or why there is nothing to see; empty for nothing to say.
        """
        self._checkpoints, self._seen, self._say = checkpoints, seen, say
        self._looking: asyncio.Task[None] | None = None
        self._ends: set[asyncio.Task[None]] = set()
        self.pids: set[int] = set()

    def begin(self, checkpoint: Checkpoint, step: int) -> None:
        """Look at a sample, instead of what is looked at now."""
        self.cancel()
        self._checkpoints.take(checkpoint, is_aside=True)
        self._say(f"executing sample {step + 1:,} again for its graph")
        self._looking = task = asyncio.create_task(self._look(checkpoint, step, tuple(self._ends)))
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    def cancel(self) -> None:
        """Look no more: the training goes on, and nobody waits for it."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
            self._say("")

    async def stop(self) -> None:
        """Look no more, and wait until no copy is left that does."""
        self.cancel()
        if self._ends:
            await asyncio.wait([*self._ends])

    async def _look(self, checkpoint: Checkpoint, step: int, before: Sequence[asyncio.Task[None]]) -> None:
        debuggee, problem = Debuggee(lambda _: None, lambda *_: None), ""
        self.pids.add(checkpoint.pid)
        try:
            if before:  # of the last of them this is a child, which would end with it
                await asyncio.wait(before)
            reviving = asyncio.ensure_future(debuggee.revive(checkpoint))
            try:
                await asyncio.shield(reviving)
            except asyncio.CancelledError:  # half awake it could neither wait on nor be ended
                await reviving
                raise
            debuggee.send(Travel(step + 1))
            problem = await self._follow(debuggee, step)
        finally:
            if self._looking is asyncio.current_task():
                self._looking = None  # it ends by itself, and can not be cancelled any more
            await self._end(debuggee, checkpoint)
        if self._looking is None:
            self._say(f"sample {step + 1:,} can not be executed again: {problem}" if problem else "")

    async def _end(self, debuggee: Debuggee, checkpoint: Checkpoint) -> None:
        if debuggee.pid.done():
            await self._checkpoints.complete()  # or who takes its place might be taken for an orphan
            debuggee.kill()
            await debuggee.code
            debuggee.close()
        else:
            self._checkpoints.put_back(checkpoint)
        self.pids.discard(checkpoint.pid)

    async def _follow(self, debuggee: Debuggee, step: int) -> str:
        """Hear it until it is there; one line why it never was."""
        heard = _Heard(step)
        try:
            while (message := await debuggee.read()) is not None:
                for each in (*debuggee.take(), message):
                    heard.hear(each)
                if isinstance(message, Ended):
                    return message.line
                if isinstance(message, Stopped):
                    self._seen(step, heard.kept, heard.loss)
                    return "" if heard.has_graph else "it has no graph"
        except ProtocolError:
            pass
        return "the copy of the training has ended"


class _Heard:
    """What a copy says of one sample.

    Attributes:
        kept: What is to be recorded.
        loss: Its loss, None for NaN.
        has_graph: Whether its graph is among it.
    """

    def __init__(self, step: int) -> None:
        self.kept: list[Message] = []
        self.loss: float | None = None
        self.has_graph = False
        self._step = step
        self._sets: dict[int, tuple[Parameter, ...]] = {}

    def hear(self, message: Message) -> None:
        """Keep it, if it is about the sample."""
        match message:
            case Samples(first=first, count=count) if first <= self._step < first + count:
                self.loss = loss_of(message, self._step)
            case ParametersSeen(id=id_, parameters=parameters):
                self._sets[id_] = parameters
            case ParameterSamples() if self._step in message.steps:
                self._measured(message)
            case GraphTraced() | Explained() if message.step == self._step:
                self.has_graph = True
                self.kept.append(message)

    def _measured(self, batch: ParameterSamples) -> None:
        """Its part of some statistics, under a number for their set that the training does not give."""
        numbers = base64.b64decode(batch.numbers)
        size, at = len(numbers) // len(batch.steps), batch.steps.index(self._step)
        part = base64.b64encode(numbers[at * size : (at + 1) * size]).decode()
        self.kept += [ParametersSeen(_SET, self._sets[batch.set]), ParameterSamples(_SET, (self._step,), part)]
