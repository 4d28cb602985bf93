"""One debugging session: turns commands into debuggee commands, and events into a recording and a status."""

from __future__ import annotations

import asyncio
import base64
import collections
import contextlib
import dataclasses
import signal
import sqlite3
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bptui.protocol import (
    Command, Ended, Exited, Fork, Forked, GraphTraced, LayoutSeen, Loaded, Message, Pause, Quit, Ready, Refused,
    Reset, Samples, Status, Step, Stopped, to_json,
)  # fmt: skip
from bptui.recording.writer import Writer
from bptui.records import QUANTITIES
from bptui.session.console import Line
from bptui.session.log import ProtocolLog
from bptui.session.options import SessionOptions
from bptui.session.process import GRACE, Debuggee, Keeper

TICK = 0.02
"""Seconds between two raisings of the flag while running."""

RESET_GRACE = 0.1
"""Seconds that a training gets to clean up when it is begun again."""

COMMIT_TICKS = 2
"""Ticks between two commits while running: 25 a second, as many as a screen can show."""


class Session:
    """Owns the keeper, the debuggee and the recording.

    Attributes:
        status: What apps are told.
        over: Set when the session is to end.
    """

    def __init__(
        self,
        options: SessionOptions,
        notify: Callable[[Status], None],
        on_output: Callable[[list[Line]], None] = lambda lines: None,
    ) -> None:
        self.options = options
        self.log = ProtocolLog(Path(options.log) if options.log else None)
        self.over = asyncio.Event()
        self._writer = Writer(Path(options.recording))
        self.status = Status("starting", 0, 0, detail="importing torch")
        self._notify = notify
        self._pass_output = on_output
        self._queue: collections.deque[Step] = collections.deque(maxlen=100)
        self._finite = False
        self._ended: Ended | None = None
        self._written = ("", "", None)
        self._rate = _Rate()
        self._keeper: Keeper | None = None
        self._debuggee: Debuggee | None = None
        self._processes: list[Debuggee] = []
        self._ticker: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin the first branch and start the keeper."""
        facts = {"command": self.options.target, "socket": self.options.socket}
        self._record(self._writer.describe, facts | {"arguments": " ".join(self.options.arguments)})
        self._record(self._writer.begin_branch, "start")
        self._show()
        await self._start_keeper()

    async def close(self) -> None:
        """End everything that was started and finish the recording."""
        self._tick_off()
        await self._end_debuggee(GRACE)
        if self._keeper is not None:
            self._keeper.end()
        for task in self._tasks:
            task.cancel()
        if self.status.exit_code is None and not self.status.trouble:
            self._change(state="finished", detail="quit")
        self._record(self._writer.close)

    async def obey(self, command: Command) -> None:
        """Do what an app asks for; what is not possible now is ignored."""
        match command:
            case Step() if self.status.state == "paused":
                self._step(command)
            case Step() if self.status.state == "starting" or (self.status.state == "running" and self._finite):
                self._queue.append(command)
            case Pause() if self.status.state == "running":
                self._queue.clear()
                self._send(command)
                self._change(pausing=True)
                self._show()
            case Reset() if self.status.state != "starting":
                await self._reset()
            case Quit():
                self.over.set()

    # -- the debuggee ----------------------------------------------------------------------------------

    async def _start_keeper(self) -> None:
        self._keeper = await Keeper.start()
        self._spawn(self._follow_keeper(self._keeper))

    async def _fork(self) -> None:
        assert self._keeper is not None
        self._change(detail=f"loading {self.options.target}")
        self._show()
        command = Fork(self.options.target, self.options.arguments)
        self.log("session→keeper", command)
        self._debuggee, self._ended = Debuggee(self._on_output), None
        self._processes.append(self._debuggee)
        await self._debuggee.fork(self._keeper, command)
        self._spawn(self._follow(self._debuggee))

    async def _reset(self) -> None:
        self._tick_off()
        await self._end_debuggee(RESET_GRACE)
        self._queue.clear()
        if self.status.exit_code is None:
            self._change(state="finished", detail="reset")
        self._write_state()
        self._record(self._writer.begin_branch, "reset")
        self.status = Status(
            "starting", self.status.branch + 1, 0, self.status.revision, trouble=self.status.trouble
        )
        await (self._fork() if self._keeper is not None else self._start_keeper())

    async def _end_debuggee(self, grace: float) -> None:
        old, self._debuggee = self._debuggee, None
        if old is not None:
            await old.end(grace)
            old.close()
            self._processes.remove(old)

    async def _follow_keeper(self, keeper: Keeper) -> None:
        while (message := await keeper.read()) is not None:
            self.log("keeper→session", message)
            match message:
                case Ready(python=python, torch=torch):
                    self._record(self._writer.describe, {"python": python, "torch": torch})
                    await self._fork()
                case Refused():
                    self._refuse(message)
                case Forked() | Exited():
                    for process in self._processes:
                        process.follow(message)
        self._keeper = None
        if self._debuggee is not None and not self._debuggee.code.done():
            self._debuggee.kill()
            self._debuggee.code.set_result(-signal.SIGKILL)
        elif self.status.state == "starting":
            self._change(state="failed", detail="the debuggee's keeper process died", exit_code=1)
            self._show()

    async def _follow(self, debuggee: Debuggee) -> None:
        while (message := await debuggee.read()) is not None:
            self.log("debuggee→session", message)
            if debuggee is self._debuggee:
                self._on_event(message)
        code = await debuggee.code
        if debuggee is self._debuggee:
            debuggee.drain_output()
            self._on_end(code)

    def _send(self, command: Command) -> None:
        assert self._debuggee is not None
        self.log("session→debuggee", command)
        self._debuggee.send(command)

    def _step(self, command: Step) -> None:
        self._finite = command.granularity == "sample"
        self._change(state="running", detail="")
        self._rate = _Rate()
        self._send(command)
        self._tick_on()

    # -- events ----------------------------------------------------------------------------------------

    def _on_event(self, event: Message) -> None:
        match event:
            case Samples():
                self._record(self._writer.samples, event)
                if self.status.trouble:
                    self._change(live=_in_words(event))
            case LayoutSeen():
                self._record(self._writer.layout, event.id, event.layout)
            case GraphTraced():
                self._record(self._writer.graph, event)
            case Loaded(target=target, source=source):
                self._record(self._writer.describe, {"target": to_json(target)})
                self._record(self._writer.source, target.path, source)
            case Stopped():
                self._on_stopped(event)
            case Refused():
                self._refuse(event)
            case Ended():
                self._ended = event

    def _on_stopped(self, event: Stopped) -> None:
        assert self._debuggee is not None
        self._debuggee.drain_output()
        self._tick_off()
        self._change(state="paused", detail=event.reason, pausing=False, samples_per_second=0.0)
        if self._queue:
            self._step(self._queue.popleft())
        self._show()

    def _on_output(self, lines: list[Line]) -> None:
        self._pass_output(lines)
        self._record(self._writer.output, lines)
        if self.status.state != "running":  # otherwise the next tick commits
            self._show()

    def _refuse(self, refused: Refused) -> None:
        self._change(
            state="failed", refused=refused.line, detail=refused.traceback or refused.line, exit_code=refused.code
        )
        self._show()

    def _on_end(self, code: int) -> None:
        self._tick_off()
        ended = self._ended or Ended(_death(code), code=128 - code if code < 0 else code or 1)
        if not self.status.refused:
            state = "finished" if ended.code == 0 else "failed"
            detail = "\n".join(filter(None, (ended.line, ended.traceback)))
            self._change(
                state=state, detail=detail, exit_code=ended.code, pausing=False, samples_per_second=0.0
            )
        self._show()

    # -- status and recording --------------------------------------------------------------------------

    def _change(self, **changes: Any) -> None:
        self.status = dataclasses.replace(self.status, **changes)

    def _show(self) -> None:
        """Commit, and tell the apps what there is to see."""
        self._write_state()
        self._record(self._writer.commit)
        steps = self.status.steps if self.status.trouble else self._writer.steps
        self._change(steps=steps, revision=self.status.revision + 1)
        self._notify(self.status)

    def _write_state(self) -> None:
        state = (self.status.state, self.status.detail, self.status.exit_code)
        if state != self._written:
            self._written = state
            self._record(self._writer.state, *state)

    def _record(self, write: Callable[..., None], *values: Any) -> None:
        if self.status.trouble:
            return
        try:
            write(*values)
        except sqlite3.Error as error:
            # Training and stepping go on; what was committed stays readable.
            self._change(trouble=f"nothing recorded after sample {self.status.steps}: {error}")
            with contextlib.suppress(sqlite3.Error):
                self._writer.abandon()

    # -- time ------------------------------------------------------------------------------------------

    def _tick_on(self) -> None:
        self._tick_off()
        self._ticker = self._spawn(self._tick())

    def _tick_off(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(TICK)
            ticks += 1
            if self._debuggee is not None:
                self._debuggee.raise_flag()
            if ticks % COMMIT_TICKS == 0:
                self._change(samples_per_second=self._rate.update(self._writer.steps))
                self._show()

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Rate:
    """Samples per second over the last second or so."""

    def __init__(self) -> None:
        self._marks: collections.deque[tuple[float, int]] = collections.deque(maxlen=25)

    def update(self, steps: int) -> float:
        now = time.monotonic()
        self._marks.append((now, steps))
        then, before = self._marks[0]
        return (steps - before) / (now - then) if now > then else 0.0


def _death(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    return f"the process ended by itself with exit code {code}, before the loop did"


def _in_words(batch: Samples) -> str:
    numbers = array("d", base64.b64decode(batch.rows))[-2 - len(QUANTITIES) :]
    named = dict(zip(("epoch", "index", *QUANTITIES), numbers, strict=True))
    return (
        f"epoch {named['epoch']:.0f} sample {named['index'] + 1:.0f} "
        f"loss {named['loss']:.4g} grad {named['grad']:.4g} weight {named['weight']:.4g}"
    )
