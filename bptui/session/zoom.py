"""Executing a recorded sample again beside the training, op by op, for its whole graph."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bptui.errors import ProtocolError
from bptui.protocol import Ended, Explained, GraphTraced, Message, Samples, Stopped, Travel
from bptui.session.checkpoints import Checkpoint, Checkpoints
from bptui.session.debuggee import Debuggee
from bptui.session.words import loss_of


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
        kept: list[Message] = []
        losses: list[float | None] = []
        try:
            while (message := await debuggee.read()) is not None:
                for each in (*debuggee.take(), message):
                    if isinstance(each, Samples) and each.first <= step < each.first + each.count:
                        losses.append(loss_of(each, step))
                    elif isinstance(each, GraphTraced | Explained) and each.step == step:
                        kept.append(each)
                if isinstance(message, Ended):
                    return message.line
                if isinstance(message, Stopped):
                    self._seen(step, kept, losses[0])
                    return "" if kept else "it has no graph"
        except (ProtocolError, IndexError):
            pass
        return "the copy of the training has ended"
