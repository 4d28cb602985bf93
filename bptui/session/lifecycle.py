"""The life of the debuggee: it is started, followed to its end, ended, or replaced by a copy of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bptui.errors import ProtocolError
from bptui.protocol import Command, Ended, Fork, Message, Quit, Ready, Refused
from bptui.session import ending
from bptui.session.board import Board
from bptui.session.checkpoints import Checkpoint, Checkpoints
from bptui.session.console import Line
from bptui.session.debuggee import Debuggee
from bptui.session.forking import Forking, KeeperEvents
from bptui.session.log import ProtocolLog
from bptui.session.memory import MemoryWatch
from bptui.session.options import SessionOptions
from bptui.session.orphans import kill_orphans
from bptui.session.output import OnText
from bptui.session.program import Program
from bptui.session.recorder import Recorder
from bptui.session.screen import Row
from bptui.session.streams import Streams
from bptui.session.tasks import Tasks

NO_TORCH = "torch is not imported yet"
"""What a script is doing at first."""

GRACE = 1.0
"""Seconds that a training gets to clean up before it is killed."""

PATIENCE = 0.5
"""Seconds without a word between the end of the debuggee's channel and that of its process, in either order."""

FAREWELL = 10.0
"""Seconds that the last words of a debuggee that has ended are waited for, on whatever machine."""


@dataclass(frozen=True)
class Listener:
    """Who is told of the debuggee.

    Attributes:
        event: Given the debuggee and each message of it.
        ended: Told how it has ended by itself: not of one that was ended, or has given way to a copy.
        refused: Told why the target can not be started.
        asides: The processes that run beside it: no orphans.
    """

    event: Callable[[Debuggee, Message], None]
    ended: Callable[[Ended], None]
    refused: Callable[[Refused], None]
    asides: Callable[[], set[int]]


class Lifecycle:
    """One debuggee at a time.

    Attributes:
        debuggee: It, None before it is started and after it has ended.
        doing: What a script is doing before its first sample.
        is_leaving: Whether it is being ended: what it says of a stop counts no more.
        program: The files it has loaded.
        streams: What a script that is started reads and writes.
        is_closed: Whether no other is to be started.
    """

    def __init__(
        self,
        options: SessionOptions,
        streams: Streams,
        on_text: OnText,
        board: Board,
        recorder: Recorder,
        checkpoints: Checkpoints,
        log: ProtocolLog,
        tasks: Tasks,
        lock: asyncio.Lock,
        listener: Listener,
    ) -> None:
        """Start nothing yet.

        Args:
            options: What to run.
            streams: What a script reads and writes.
            on_text: Called with 1 or 2 and whatever the debuggee prints on stdout or stderr.
            board: Shows how it goes.
            recorder: Takes what it prints.
            checkpoints: The copies of it.
            log: Where every message is noted.
            tasks: Of which following it is one.
            lock: Held while a command is obeyed.
            listener: Who is told of it.
        """
        self._options, self._on_text, self._board, self._recorder = options, on_text, board, recorder
        self._checkpoints, self._log, self._tasks, self._lock = checkpoints, log, tasks, lock
        self._listener = listener
        self._forking = Forking(options, log, tasks, KeeperEvents(self._on_ready, listener.refused, self._on_lost))
        self.streams = streams
        self.debuggee: Debuggee | None = None
        self.doing = ""
        self.is_leaving = False
        self.program = Program()
        self._before: Debuggee | None = None  # the one that has ended, while another may take its place
        self._following: asyncio.Task[None] | None = None
        self._memory = MemoryWatch()
        self.is_closed = False

    async def begin(self) -> None:
        """Start the target: a script in a process of its own, a loop from the keeper."""
        if self._options.script:
            await self._spawn_script()
        elif self._forking.pid is not None:
            await self._fork()
        else:
            await self._forking.start()

    async def end(self) -> None:
        """End the debuggee, if there is one, and take the last that it says."""
        if self.debuggee is not None and self._following is not None:
            self.is_leaving = True
            self._log("session→debuggee", Quit())
            await self.debuggee.end(GRACE)
            await asyncio.wait([self._following], timeout=FAREWELL)
            self.is_leaving = False
            self.debuggee = None
        if self._before is not None:
            self._before.close_output()
            self._before = None

    async def close(self) -> None:
        """End it, and start no other."""
        self.is_closed = True
        await self.end()

    def end_others(self) -> None:
        """End the keeper and all that the debuggees have left behind."""
        self._forking.end()
        kill_orphans(set())

    async def make_way(self) -> Debuggee:
        """Have it end at once, if it has not: a copy takes its place. Returns whose output that gets."""
        before = self.debuggee or self._before
        assert before is not None
        before.hand_over()
        self._before = None
        if self.debuggee is not None and self._following is not None:
            self.is_leaving = True
            before.kill()
            await asyncio.wait([self._following], timeout=FAREWELL)
            self.is_leaving = False
        return before

    async def revive(self, checkpoint: Checkpoint, before: Debuggee) -> None:
        """Have a copy be the debuggee, after `make_way`."""
        self.debuggee = debuggee = self._new()
        await debuggee.revive(checkpoint, before, self._board.status.stop)
        self._follow(debuggee)

    def send(self, command: Command) -> None:
        """Say something to the debuggee; there is one."""
        assert self.debuggee is not None
        self._log("session→debuggee", command)
        self.debuggee.send(command)

    def look(self) -> None:
        """Have it write down what waits, and take that."""
        if self.debuggee is not None and not self.is_leaving:
            self.debuggee.raise_flag()
            self._take_samples(self.debuggee)

    def warm_up(self) -> None:
        """Have the keeper import what the next one should not wait for."""
        self._forking.warm_up()

    async def _spawn_script(self) -> None:
        self.doing = NO_TORCH
        self.program.begin()
        self._board.change(detail=f"starting {self._options.target}")
        self._board.show()
        self.debuggee = self._new()
        command = (self._options.python, *self._options.script)
        settings = self._options.settings | self._copying
        await self.debuggee.spawn(command, settings, self.streams, self._on_rows)
        self._follow(self.debuggee)

    async def _fork(self) -> None:
        self.program.begin()
        self._board.change(detail=f"loading {self._options.target}")
        self._board.show()
        self._board.newest = None
        self.debuggee = self._new()
        command = Fork(self._options.target, self._options.arguments, **self._copying)
        await self._forking.fork(self.debuggee, command)
        self._follow(self.debuggee)

    def _new(self) -> Debuggee:
        return Debuggee(self._on_lines, self._on_text)

    @property
    def _copying(self) -> dict[str, Any]:
        """What a debuggee is told of how to make copies of itself."""
        address = self._checkpoints.address
        return {"checkpoints": address, "threads": self._options.threads} if address else {}

    def _follow(self, debuggee: Debuggee) -> None:
        self._board.change(has_terminal=debuggee.terminal is not None)
        self._following = self._tasks.spawn(self._follow_to_end(debuggee))

    async def _follow_to_end(self, debuggee: Debuggee) -> None:
        """Record what a debuggee says until its channel ends and its process does."""
        reading = asyncio.create_task(self._read(debuggee))
        both: list[asyncio.Future[Any]] = [reading, debuggee.code]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        # The one follows the other, unless the training closed every fd or left a child that holds the channel.
        await _wait_in_silence(debuggee, both)
        if not debuggee.code.done():
            await self._lose_channel(debuggee)
        code = await debuggee.code
        reading.cancel()
        self._take_samples(debuggee)
        is_by_itself = debuggee is self.debuggee and not self.is_leaving
        if is_by_itself and self._checkpoints.pids:
            debuggee.drain()
            debuggee.hand_over()
            self._before = debuggee
        debuggee.close()
        if self._forking.pid is not None:
            kill_orphans({self._forking.pid} | self._checkpoints.pids | self._listener.asides())
        if is_by_itself:
            self.debuggee = None
            self._listener.ended(self._ending(debuggee, code))

    async def _lose_channel(self, debuggee: Debuggee) -> None:
        """It lives, but can not be heard: a script may go on so, a loop may not."""
        if self._options.script:
            self._board.change(detail="the script closed the file descriptor by which bptui follows it")
            self._board.show()
            await debuggee.code
        else:
            debuggee.ended = Ended("the training closed the file descriptor by which bptui follows it", code=1)
            debuggee.kill()

    def _ending(self, debuggee: Debuggee, code: int) -> Ended:
        if self._options.script:
            return ending.of_script(debuggee.ended, code, self._unseen(), self._memory)
        return ending.of_loop(debuggee.ended, code)

    def _unseen(self) -> str:
        """Why there was nothing to step in a script that has come to its end."""
        if self._recorder.seen:
            return ""
        return (
            "it never imported torch" if self.doing == NO_TORCH else "no backward pass was seen in its main thread"
        )

    async def _read(self, debuggee: Debuggee) -> None:
        try:
            while (message := await debuggee.read()) is not None:
                self._take_samples(debuggee)  # that were complete before it said this
                self._on_message(debuggee, message)
        except ProtocolError as error:
            _give_up(debuggee, error)

    def _take_samples(self, debuggee: Debuggee) -> None:
        try:
            for message in debuggee.take():
                self._on_message(debuggee, message)
        except ProtocolError as error:
            _give_up(debuggee, error)

    def _on_message(self, debuggee: Debuggee, message: Message) -> None:
        self._log("debuggee→session", message)
        if debuggee is self.debuggee:
            self._listener.event(debuggee, message)

    def _on_lines(self, lines: list[Line]) -> None:
        self._recorder.output(lines)
        self._board.show_soon()

    def _on_rows(self, rows: list[Row]) -> None:
        self._recorder.rows(rows)
        self._board.show_soon()

    async def _on_ready(self, ready: Ready) -> None:
        self._recorder.describe({"python": ready.python, "torch": ready.torch})
        async with self._lock:
            if not self.is_closed:
                await self._fork()

    def _on_lost(self, ended: Ended) -> None:
        if self._board.status.state == "starting":
            self._listener.ended(ended)


async def _wait_in_silence(debuggee: Debuggee, both: list[asyncio.Future[Any]]) -> None:
    """Wait for both as long as something is still said: on a busy machine the last samples take their time."""
    heard = -1
    while debuggee.heard != heard:
        heard = debuggee.heard
        await asyncio.wait(both, timeout=PATIENCE)


def _give_up(debuggee: Debuggee, error: ProtocolError) -> None:
    debuggee.ended = Ended(f"the training wrote into bptui's own channel: {error}", code=1)
    debuggee.kill()
