"""One debugging session: turns commands into debuggee commands, and events into a recording and a status."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from bptui.protocol import (
    Answer,
    Assigned,
    Back,
    Breakpoints,
    BreakpointsHit,
    Checked,
    CheckpointRefused,
    Doing,
    Edited,
    Ended,
    Evaluated,
    Explained,
    GraphTraced,
    Imported,
    Inspected,
    Message,
    Met,
    Pause,
    Quit,
    Race,
    Refused,
    Reset,
    Samples,
    Status,
    Step,
    Stopped,
    TensorCounted,
    TensorSaved,
    Travel,
    Watched,
    Watches,
    Zoom,
)  # fmt: skip
from bptui.session.asides import Asides
from bptui.session.board import Board
from bptui.session.branches import Branches
from bptui.session.checkpoints import BREATH, Checkpoint, Checkpoints, memory_budget
from bptui.session.debuggee import Debuggee
from bptui.session.first_nonfinite import FirstNonfinite
from bptui.session.lifecycle import GRACE, Lifecycle, Listener
from bptui.session.log import ProtocolLog
from bptui.session.options import SessionOptions
from bptui.session.orphans import adopts_orphans
from bptui.session.output import OnText
from bptui.session.questions import Questions
from bptui.session.recorder import Recorder
from bptui.session.script_terminal import ScriptTerminal
from bptui.session.streams import Streams
from bptui.session.tasks import Tasks
from bptui.session.ticker import Ticker
from bptui.session.travels import NO_OP, Travels
from bptui.session.wanted import Wanted


class Session:
    """Owns all the parts of a session: here commands and events come in, and go to the part that knows of them.

    Attributes:
        options: What it was started with.
        log: Where every message is noted.
        terminal: The script's, for whoever types at it.
        over: Set when the session is to end.
    """

    def __init__(
        self,
        options: SessionOptions,
        notify: Callable[[Status], None],
        on_text: OnText = lambda *_: None,
        streams: Streams = Streams(),  # noqa: B008 - frozen
        is_seen: Callable[[], bool] = lambda: True,
        answer: Callable[[Answer], None] = lambda _: None,
    ) -> None:
        """Create the recording.

        Args:
            options: What to run.
            notify: Called with every new status.
            on_text: Called with 1 or 2 and whatever the debuggee prints on stdout or stderr.
            streams: What a script reads and writes.
            is_seen: Whether somebody looks at what is recorded.
            answer: Called with what the debuggee says of its tensors when it was asked.

        Raises:
            BptuiError: It can not be made, or the protocol log can not.
        """
        self.options = options
        self.log = ProtocolLog(Path(options.log) if options.log else None)
        self.over = asyncio.Event()
        self._answer = answer
        self._failure: BaseException | None = None
        self._lock = asyncio.Lock()  # a command is done before the next begins, whoever sent it
        self._queue: collections.deque[Step | Travel | Back] = collections.deque(maxlen=100)
        self._is_finite = False  # it stops by itself, and then takes what is queued
        self._traced = -1  # the last sample that had a graph
        self._tasks = Tasks(self._fail)
        self._recorder = Recorder(Path(options.recording))
        status = Status(
            "starting", 0, 0, detail="importing torch", breakpoints=options.breakpoints, watches=options.watches
        )
        self._board = Board(status, self._recorder, notify, self._copies)
        self._checkpoints = Checkpoints(memory_budget(options.checkpoint_memory), self._on_checkpoints)
        self._branches = Branches(self._recorder, self._checkpoints, self._board)
        listener = Listener(self._on_event, self._on_end, self._board.refuse, lambda: self._asides.pids)
        self._lifecycle = Lifecycle(
            options, streams, on_text, self._board, self._recorder, self._checkpoints, self.log, self._tasks,
            self._lock, listener,
        )  # fmt: skip
        self.terminal = ScriptTerminal(self._lifecycle)
        self._questions = Questions(self._lifecycle, self.terminal, self._board, answer)
        self._wanted = Wanted(options, self._lifecycle, self._board)
        self._ticker = Ticker(self._lifecycle, self._board, self._recorder, self._tasks, is_seen)
        self._travels = Travels(self._checkpoints, self._wake, self._lifecycle.send, self._branches)
        self._first_nonfinite = FirstNonfinite(self._travels, self._board, options.reverse)
        self._asides = Asides(
            self._checkpoints, self._travels, self._branches, self._recorder, self._board, self._ticker,
            self._tasks, self._on_stopped,
        )  # fmt: skip

    @property
    def status(self) -> Status:
        """What apps are told."""
        return self._board.status

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin the first branch and start the target."""
        facts = {"command": self.options.target, "socket": self.options.socket}
        share = f"{100 * self.options.overhead:.3g} % of the time"
        thinned = f"graphs and statistics of parameters: while running, of so many samples as cost {share}"
        self._recorder.describe(facts | {"arguments": " ".join(self.options.arguments), "thinned": thinned})
        self._branches.begin("start")
        if not self.options.reverse:
            self._board.change(no_return="this run was told not to (--no-reverse)")
        elif not adopts_orphans():
            self._board.change(no_return="processes whose parent has ended are not adopted here")
        else:
            self._checkpoints.open()
        self._board.show()
        async with self._lock:
            await self._lifecycle.begin()

    async def close(self) -> None:
        """End everything that was started and finish the recording.

        Raises:
            BaseException: What went wrong in the session itself, if anything did.
        """
        async with self._lock:
            self._ticker.off()
            await self._asides.end()
            await self._lifecycle.close()
            self._checkpoints.close()
        self._lifecycle.end_others()
        self._tasks.cancel()
        if self.status.exit_code is None:
            self._board.change(state="finished", detail="quit", pausing=False, samples_per_second=0.0)
        self._board.show()
        self._recorder.close()
        if self._failure is not None:
            raise self._failure

    def _fail(self, error: BaseException) -> None:
        """A bug of ours: better a session that ends than one that hangs."""
        self._failure = error
        self.over.set()

    # -- commands --------------------------------------------------------------------------------------

    async def obey(self, command: Message) -> None:
        """Do what an app asks for; what is not possible now is ignored."""
        if isinstance(command, Quit):
            self.over.set()
            return
        try:
            async with self._lock:
                await self._obey(command)
        except Exception as error:
            self._fail(error)

    async def _obey(self, command: Message) -> None:
        state = self.status.state
        match command:
            case _ if self._lifecycle.is_closed:
                pass
            case Step() | Travel() | Back():
                self._go(command)
            case Pause() if state == "running":
                self._pause(command)
            case Watches():
                self._wanted.watch(command)
            case Breakpoints():
                self._wanted.break_at(command)
            case Race() if state == "paused":
                self._asides.race(command)
            case Zoom(step=step) if state in ("paused", "finished", "failed"):
                self._asides.look_at(step)
            case Reset() if state != "starting":
                await self._reset(command)
            case _:
                self._questions.pass_on(command)

    def _go(self, command: Step | Travel | Back) -> None:
        state = self.status.state
        if getattr(command, "count", 1) < 1:
            pass
        elif not isinstance(command, Step) and self._can_return:
            self._is_finite = True
            self._tasks.spawn(self._travel(command))
        elif isinstance(command, Step) and state == "paused":
            self._step(command)
        elif state == "starting" or (state == "running" and self._is_finite):
            self._queue.append(command)

    @property
    def _can_return(self) -> bool:
        """Whether the training stands, or has ended, so that a copy of it can take its place."""
        return self.options.reverse and self.status.state in ("paused", "finished", "failed")

    def _step(self, command: Step) -> None:
        self._asides.look_no_more()
        self._is_finite = command.granularity == "sample" or command.is_inside
        self._first_nonfinite.is_stepping = True
        self._board.change(state="running", hit=(), detail="" if self._recorder.seen else self._lifecycle.doing)
        self._ticker.forget_rate()
        self._lifecycle.send(command)
        self._ticker.on()

    def _pause(self, command: Pause) -> None:
        if self._asides.cancel_race():
            return
        self._travels.abandon()
        self._first_nonfinite.abandon()
        self._queue.clear()
        if self._lifecycle.debuggee is not None:  # else it is over, and we are about to be told so
            self._lifecycle.send(command)
            self._ticker.expect_pause(at_once=command.at_once or not self._recorder.seen)
            self._board.show()

    # -- back in time ----------------------------------------------------------------------------------

    async def _travel(self, command: Travel | Back) -> None:
        """Go where a command says, or say why there is no way."""
        self._first_nonfinite.is_stepping = False
        self._board.change(state="running", hit=(), detail="", pausing=False)
        self._ticker.on()
        went = self._travels.to(command) if isinstance(command, Travel) else self._travels.back(command)
        problem = await went
        if problem == NO_OP:
            self._on_stopped(dataclasses.replace(self._travels.at, reason=problem))
        elif problem:
            self._ticker.off()
            state = "paused" if self._lifecycle.debuggee is not None else "finished"
            unmoved = self.status.unmoved + 1
            self._board.change(state=state, detail=problem, samples_per_second=0.0, unmoved=unmoved)
            self._board.show()

    async def _wake(self, checkpoint: Checkpoint) -> None:
        """Have a copy of the training take its place."""
        async with self._lock:
            await self._asides.end_look()
            await self._replace(checkpoint)

    async def _replace(self, checkpoint: Checkpoint) -> None:
        """The same, while nobody looks aside and no command is obeyed."""
        self._checkpoints.take(checkpoint)
        before = await self._lifecycle.make_way()
        self._branches.return_to(checkpoint)
        self._board.change(exit_code=None, waits_for_input=False)
        await self._lifecycle.revive(checkpoint, before)
        self._wanted.equip()

    async def _reset(self, command: Reset) -> None:
        """Begin again: with the copy that waits there, or, where the program is another one now, with it."""
        self._queue.clear()
        start, is_anew = None, command.is_anew or self._lifecycle.program.changed()
        if self._checkpoints.pids and not (is_anew or self._recorder.trouble):  # a fork has to be recorded
            await self._hold_still()
            start = await self._travels.first()
        if start is None:
            self._ticker.off()
            await self._asides.end()
            await self._lifecycle.end()
            self._checkpoints.forget()
        self._board.begin_again()
        self._traced = -1
        self._first_nonfinite.forget()
        if start is not None:
            await self._replace(start)
            self._branches.fork("reset")
            self._lifecycle.send(Travel(0))
        else:
            self._branches.begin("reset")
            await self._lifecycle.begin()

    async def _hold_still(self) -> None:
        """Have the training say all that it has to say, if it listens, before another one takes its place."""
        if self.status.state == "running":
            self._pause(Pause(at_once=True))
            until = time.monotonic() + GRACE
            while self.status.state == "running" and time.monotonic() < until:
                await asyncio.sleep(BREATH)
        await self._asides.end()  # also what looks at where it stands now

    def _on_checkpoints(self) -> None:
        self._checkpoints.thin(self._recorder.seen)
        self._board.count_copies()
        self._board.show_soon()

    def _copies(self) -> tuple[tuple[int, ...], int]:
        return self._branches.reachable, self._checkpoints.bytes

    # -- events ----------------------------------------------------------------------------------------

    def _on_event(self, debuggee: Debuggee, event: Message) -> None:  # noqa: C901 - a table of cases
        if isinstance(event, Edited) and self._branches.edited(event.edit):
            return
        self._recorder.event(event)
        match event:
            case Samples():
                self._on_samples(event)
            case GraphTraced(step=step):
                self._traced = step
            case BreakpointsHit(hits=hits):
                self._wanted.note_hits(hits)
            case Met():
                self._travels.met(event)
            case CheckpointRefused(why=why):
                self._board.change(no_return=why)
                if event.is_final:
                    self._checkpoints.forget()
            case Stopped() if not self._lifecycle.is_leaving:
                debuggee.drain()
                self._on_stopped(event)
            case Explained() | Checked() | Edited() | Watched() if (
                self.status.state == "paused"
            ):  # else the next tick, or the stop, commits
                self._board.show()
            case Inspected() | TensorCounted() | TensorSaved() | Evaluated() | Assigned():
                debuggee.drain()
                self._answer(event)
            case Imported(paths=paths):
                self._lifecycle.program.note(paths)
            case Doing(what=what):
                self._lifecycle.doing = what
                self._board.change(detail=what)
            case Refused():
                self._board.refuse(event)
            case Ended():
                debuggee.ended = event

    def _on_samples(self, batch: Samples) -> None:
        self._board.newest = batch
        self._branches.follow()
        if self.status.detail == self._lifecycle.doing:
            self._board.change(detail="")

    def _on_stopped(self, event: Stopped) -> None:
        is_amid, is_seeking = event.is_amid, self._travels.is_seeking
        self._travels.stopped(event)
        if is_seeking:
            return
        if self._first_nonfinite.is_wanted(event, is_amid):
            self._tasks.spawn(self._look_back(event))
            return
        event = self._first_nonfinite.stopped(event, is_amid)
        self._ticker.off()
        if self.status.state == "starting":
            self._wanted.equip()
        self._board.change(
            state="paused", detail=event.reason, pausing=False, samples_per_second=0.0, waits_for_input=False,
            stop=self.status.stop + 1, hit=event.hit,
        )  # fmt: skip
        self._wanted.drop_spent(event.hit)
        if event.steps and event.imported_late:  # the next one should not wait for it
            self._lifecycle.warm_up()
        if self._queue:
            self._go(self._queue.popleft())
        elif not is_amid and event.steps - 1 != self._traced:
            self._asides.look_at(event.steps - 1)
        self._board.show()

    async def _look_back(self, event: Stopped) -> None:
        """Go to the op, node or update that was the first to give something not finite; else stay."""
        self._queue.clear()
        if problem := await self._first_nonfinite.look_back(event):
            self._on_stopped(dataclasses.replace(event, reason=f"{event.reason}: {problem}"))

    def _on_end(self, ended: Ended) -> None:
        self._ticker.off()
        self._travels.ended(self._recorder.seen)
        self._board.end(ended)
