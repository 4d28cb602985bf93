"""One debugging session: turns commands into debuggee commands, and events into a recording and a status."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from bptui.errors import ProtocolError
from bptui.kept import Kept, save
from bptui.protocol import (
    Answer,
    Ask,
    Assign,
    Assigned,
    Back,
    Breakpoints,
    BreakpointsHit,
    Check,
    Checked,
    CheckpointRefused,
    Command,
    Doing,
    Edited,
    Ended,
    Evaluate,
    Evaluated,
    Exited,
    Explained,
    Fork,
    Forked,
    GraphTraced,
    Imported,
    Inspect,
    Inspected,
    Interrupt,
    Message,
    Met,
    Overhead,
    Pause,
    Quit,
    Race,
    Ready,
    Refused,
    Reset,
    Resized,
    Samples,
    SaveTensor,
    Status,
    Step,
    Stopped,
    TensorCounted,
    TensorSaved,
    Travel,
    Typed,
    Watched,
    Watches,
    Zoom,
)  # fmt: skip
from bptui.records import FIRST, Edit, RunState, Value
from bptui.session import threads
from bptui.session.checkpoints import BREATH, Checkpoint, Checkpoints, memory_budget
from bptui.session.console import Line
from bptui.session.debuggee import Debuggee
from bptui.session.keeper import Keeper
from bptui.session.log import ProtocolLog
from bptui.session.memory import MemoryWatch
from bptui.session.options import SessionOptions
from bptui.session.orphans import adopts_orphans, kill_orphans
from bptui.session.output import OnText
from bptui.session.program import Program
from bptui.session.race import Race as Races
from bptui.session.race import Racer
from bptui.session.recorder import Recorder
from bptui.session.screen import Row
from bptui.session.streams import Streams
from bptui.session.travels import NO_OP, Travels
from bptui.session.words import Rate, death, in_words
from bptui.session.zoom import Zoom as Looking

NO_TORCH = "torch is not imported yet"
"""What a script is doing at first."""

_ELSEWHERE = "the training does not stand there any more: only what was recorded is known"

_MOVES = "the training does not stand still"

TICK = 0.08
"""Seconds between two commits while running: 12 a second look fluent, and 25 cost 300 kB/s over SSH."""

UNSEEN_TICK = 0.5
"""The same while nobody looks: where the training keeps every core busy, each waking of ours holds them all up."""

TICKS_TO_A_NUDGE = 3
"""Ticks that a pause waits for the sample's end: of the next one everything can be seen from its first op on."""

GRACE = 1.0
"""Seconds that a training gets to clean up before it is killed."""

PATIENCE = 0.5
"""Seconds without a word between the end of the debuggee's channel and that of its process, in either order."""

FAREWELL = 10.0
"""Seconds that the last words of a debuggee that has ended are waited for, on whatever machine."""


class Session:
    """Owns the keeper, the debuggee and the recording.

    Attributes:
        options: What it was started with.
        log: Where every message is noted.
        status: What apps are told.
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
        self.status = Status("starting", 0, 0, detail="importing torch", breakpoints=options.breakpoints)
        self.status = dataclasses.replace(self.status, watches=options.watches)
        self._shown = self.status
        self._recorder = Recorder(Path(options.recording))
        self._notify = notify
        self._on_text = on_text
        self._streams = streams
        self._is_seen = is_seen
        self._answer = answer
        self._forks_of: dict[int, tuple[int, int]] = {}
        self._queue: collections.deque[Step | Travel | Back] = collections.deque(maxlen=100)
        self._is_finite = False
        self._patience = 0
        self._doing = ""
        self._written: tuple[RunState, str, int | None] | None = None
        self._rate = Rate()
        self._keeper: Keeper | None = None
        self._debuggee: Debuggee | None = None
        self._following: asyncio.Task[None] | None = None
        self._is_leaving = False
        self._forks: collections.deque[Debuggee] = collections.deque()
        self._newest: Samples | None = None
        self._living: list[Debuggee] = []
        self._ticker: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._failure: BaseException | None = None
        self._memory = MemoryWatch()
        self._program = Program()
        self._checkpoints = Checkpoints(memory_budget(options.checkpoint_memory), self._on_checkpoints)
        self._raced: dict[int, Assign] = {}  # branches of races, of which no copy waits, and how each begins
        self._travels = Travels(self._checkpoints, self._wake, self._send, self._forks_of.get, self._raced)
        self._races = Races(self._checkpoints, self._on_looking)
        self._racing: asyncio.Task[None] | None = None
        self._zoom = Looking(self._checkpoints, self._on_seen, self._on_looking)
        self._before: Debuggee | None = None  # the one that has ended, while another may take its place
        self._is_stepping = False  # where it goes is not known beforehand
        self._traced = -1  # the last sample that had a graph
        self._looking: Stopped | None = None  # the hit for which it looks where a number was first not finite
        self._found_in = -1  # after so many samples, inside the next one, it stands or stood there
        self._lock = asyncio.Lock()  # a command is done before the next begins, whoever sent it

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin the first branch and start the keeper."""
        facts = {"command": self.options.target, "socket": self.options.socket}
        share = f"{100 * self.options.overhead:.3g} % of the time"
        thinned = f"graphs and statistics of parameters: while running, of so many samples as cost {share}"
        self._recorder.describe(facts | {"arguments": " ".join(self.options.arguments), "thinned": thinned})
        self._recorder.begin_branch("start")
        if not self.options.reverse:
            self._change(no_return="this run was told not to (--no-reverse)")
        elif not adopts_orphans():
            self._change(no_return="processes whose parent has ended are not adopted here")
        else:
            self._checkpoints.open()
        self._show()
        async with self._lock:
            await self._begin()

    async def close(self) -> None:
        """End everything that was started and finish the recording.

        Raises:
            BaseException: What went wrong in the session itself, if anything did.
        """
        async with self._lock:
            self._is_closed = True
            await self._end_debuggee()
            self._checkpoints.close()
        if self._keeper is not None:
            self._keeper.end()
        kill_orphans(set())
        for task in self._tasks:
            task.cancel()
        if self.status.exit_code is None:
            self._change(state="finished", detail="quit", pausing=False, samples_per_second=0.0)
        self._show()
        self._recorder.close()
        if self._failure is not None:
            raise self._failure

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
            case _ if self._is_closed:
                pass
            case Step() | Travel() | Back():
                self._go(command)
            case Pause() if state == "running":
                self._pause(command)
            case Watches():
                self._set_watches(command)
            case Breakpoints():
                self._set_breakpoints(command)
            case Race() if state == "paused":
                self._racing = self._spawn(self._race(command))
            case Zoom(step=step) if state in ("paused", "finished", "failed"):
                self._look_at(step)
            case Reset() if state != "starting":
                await self._reset(command)
            case _:
                self._pass_on(command)

    def _go(self, command: Step | Travel | Back) -> None:
        state = self.status.state
        if getattr(command, "count", 1) < 1:
            pass
        elif not isinstance(command, Step) and self._can_return:
            self._is_finite = True
            self._spawn(self._travel(command))
        elif isinstance(command, Step) and state == "paused":
            self._step(command)
        elif state == "starting" or (state == "running" and self._is_finite):
            self._queue.append(command)

    def _pass_on(self, command: Message) -> None:
        """To the script's terminal, or to the debuggee."""
        if isinstance(command, Ask | Check):
            if self.status.state == "paused" and self._debuggee is not None:
                self._send(command)
        elif isinstance(command, Inspect | SaveTensor):
            self._ask(command)
        elif isinstance(command, Evaluate | Assign):
            self._evaluate(command)
        elif isinstance(command, Interrupt):
            if self._debuggee is not None and self.status.state == "paused":
                self._debuggee.nudge()
        elif isinstance(command, Typed):
            self.type(command.keys.encode())
        elif isinstance(command, Resized) and min(command.rows, command.columns) > 0:
            self.resize(command.rows, command.columns)

    # -- back in time ----------------------------------------------------------------------------------

    @property
    def _can_return(self) -> bool:
        """Whether the training stands, or has ended, so that a copy of it can take its place."""
        return self.options.reverse and self.status.state in ("paused", "finished", "failed")

    async def _travel(self, command: Travel | Back) -> None:
        """Go where a command says, or say why there is no way."""
        self._is_stepping = False
        self._change(state="running", hit=(), detail="", pausing=False)
        self._tick_on()
        went = self._travels.to(command) if isinstance(command, Travel) else self._travels.back(command)
        problem = await went
        if problem == NO_OP:
            self._on_stopped(dataclasses.replace(self._travels.at, reason=problem))
        elif problem:
            self._tick_off()
            state = "paused" if self._debuggee is not None else "finished"
            self._change(state=state, detail=problem, samples_per_second=0.0, unmoved=self.status.unmoved + 1)
            self._show()

    async def _wake(self, checkpoint: Checkpoint) -> None:
        """Have a copy of the training take its place."""
        async with self._lock:
            await self._zoom.stop()
            await self._replace(checkpoint)

    async def _replace(self, checkpoint: Checkpoint) -> None:
        """The same, while nobody looks aside and no command is obeyed."""
        before = self._debuggee or self._before
        assert before is not None
        before.hand_over()
        self._before = None
        self._checkpoints.take(checkpoint)
        if self._debuggee is not None and self._following is not None:
            self._is_leaving = True
            before.kill()
            await asyncio.wait([self._following], timeout=FAREWELL)
            self._is_leaving = False
        self._checkpoints.edits = checkpoint.edits
        self._recorder.return_to(checkpoint.branch, checkpoint.steps)
        self._stand_on(checkpoint.branch)
        self._change(exit_code=None, waits_for_input=False)
        self._debuggee = debuggee = Debuggee(self._on_lines, self._on_text)
        await debuggee.revive(checkpoint, before, self.status.stop)
        self._change(has_terminal=debuggee.terminal is not None)
        self._following = self._spawn(self._follow(debuggee))
        self._equip()

    async def _race(self, command: Race) -> None:
        """Run copies beside each other, and write each as a branch."""
        at, branch = self._travels.at, self._recorder.branch
        copy = self._travels.nearest(at.steps)
        if copy is None or not self._travels.is_between:
            why = "amid a sample" if copy is not None else "without a copy of the training"
            self._on_stopped(dataclasses.replace(at, reason=f"there is no race {why}"))
            return
        await self._zoom.stop()
        self._change(state="running", hit=(), detail="", pausing=False)
        self._tick_on()
        said = [f"raced lr {', '.join(command.rates)}"]
        try:
            racers = await self._races.run(command, at.steps, lambda: self._travels.nearest(at.steps))
            said += [self._write_racer(each, branch, at.steps) for each in racers]
        except asyncio.CancelledError:
            self._on_looking("")
            said = ["the race was stopped"]
        self._racing = None
        self._on_stopped(dataclasses.replace(at, hit=(), reason="\n".join(said)))

    def _write_racer(self, racer: Racer, parent: int, steps: int) -> str:
        """Write what one has run as a branch of its own; what came of it."""
        name = f"lr = {racer.rate}"
        if not racer.samples:
            return f"{name}: {racer.problem}"
        self._recorder.fork_branch(name)
        branch = self._recorder.branch
        self._forks_of[branch], self._raced[branch] = (parent, steps), racer.assign
        for message in racer.seen:
            self._recorder.event(message)
        loss = self._recorder.last_loss
        self._recorder.state("paused", racer.problem, None)
        self._recorder.return_to(parent, steps)
        end = f"; {racer.problem}" * bool(racer.problem)
        return f"branch {branch}, {name}: {racer.samples:,} samples, loss {loss}{end}"

    def _look_at(self, step: int) -> None:
        """Execute a recorded sample again beside the training, if a copy leads there."""
        checkpoint = self._travels.nearest(step) if 0 <= step < self._recorder.recorded else None
        if checkpoint is not None:
            self._zoom.begin(checkpoint, step)

    def _on_seen(self, step: int, seen: Sequence[Message], loss: float | None) -> None:
        if self._recorder.is_loss(step, loss):
            for each in seen:
                self._recorder.event(each)

    def _on_looking(self, what: str) -> None:
        self._change(zoom=what)
        if self.status.state != "running":  # else the next tick says it
            self._show()

    def _equip(self) -> None:
        """Tell a debuggee what the one before it was told; a copy has what there was when it was made."""
        self._send(Overhead(self.options.overhead, self.options.trace_from))
        self._send(Breakpoints(self.status.breakpoints))
        self._send(Watches(self.status.watches))

    def _on_checkpoints(self) -> None:
        self._checkpoints.thin(self._recorder.seen)
        self._change_checkpoints()
        if self.status.state != "running":
            self._show()

    def _change_checkpoints(self) -> None:
        self._change(checkpoints=self._travels.reachable, checkpoint_bytes=self._checkpoints.bytes)

    # -- the script's terminal -------------------------------------------------------------------------

    def type(self, keys: bytes) -> None:
        """Press keys at the script's terminal."""
        if self._debuggee is not None and self._debuggee.terminal is not None:
            self._debuggee.terminal.type(keys)

    def resize(self, rows: int, columns: int) -> None:
        """Give the script's terminal another size."""
        self._streams = dataclasses.replace(self._streams, size=(rows, columns))
        if self._debuggee is not None and self._debuggee.terminal is not None:
            self._debuggee.terminal.resize(rows, columns)

    def is_suspended_by(self, key: bytes) -> bool:
        """Whether this key at the script's terminal stops its jobs."""
        terminal = self._debuggee.terminal if self._debuggee is not None else None
        return terminal is not None and terminal.is_suspended_by(key)

    def signal(self, number: int, to_all: bool) -> None:
        """Send a signal to the script, or to its children, too, as a terminal does."""
        if self._debuggee is not None:
            (self._debuggee.signal_all if to_all else self._debuggee.signal)(number)

    # -- the debuggee ----------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Start the target: a script in a process of its own, a loop from the keeper."""
        if self.options.script:
            await self._spawn_script()
        elif self._keeper is not None:
            await self._fork(self._keeper)
        else:
            await self._start_keeper()

    async def _spawn_script(self) -> None:
        self._doing = NO_TORCH
        self._program.begin()
        self._change(detail=f"starting {self.options.target}")
        self._show()
        self._debuggee = Debuggee(self._on_lines, self._on_text)
        command = (self.options.python, *self.options.script)
        settings = self.options.settings | self._copying
        await self._debuggee.spawn(command, settings, self._streams, self._on_rows)
        self._change(has_terminal=self._debuggee.terminal is not None)
        self._following = self._spawn(self._follow(self._debuggee))

    @property
    def _copying(self) -> dict[str, Any]:
        """What a debuggee is told of how to make copies of itself."""
        address = self._checkpoints.address
        return {"checkpoints": address, "threads": self.options.threads} if address else {}

    async def _start_keeper(self) -> None:
        environment = threads.environment(self.options.threads) if self.options.reverse else {}
        self._keeper = await Keeper.start(self.options.python, environment)
        self._spawn(self._follow_keeper(self._keeper))

    async def _fork(self, keeper: Keeper) -> None:
        self._program.begin()
        self._change(detail=f"loading {self.options.target}")
        self._show()
        command = Fork(self.options.target, self.options.arguments, **self._copying)
        self.log("session→keeper", command)
        self._newest = None
        self._debuggee = Debuggee(self._on_lines, self._on_text)
        self._forks.append(self._debuggee)
        self._living.append(self._debuggee)
        await self._debuggee.fork(keeper, command)
        self._following = self._spawn(self._follow(self._debuggee))

    async def _reset(self, command: Reset) -> None:
        """Begin again: with the copy that waits there, or, where the program is another one now, with it."""
        self._queue.clear()
        start = None
        if self._checkpoints.pids and not (command.is_anew or self._program.changed()):
            await self._hold_still()
            start = await self._travels.first()
        if start is None:
            await self._end_debuggee()
            self._checkpoints.forget()
        if self.status.exit_code is None:
            self._change(state="finished", detail="reset")
        self._write_state()
        old = self.status
        self.status = Status(
            "starting", old.branch, 0, old.revision, old.breakpoints, trouble=old.trouble,
            watches=old.watches, no_return=old.no_return, has_terminal=old.has_terminal,
        )  # fmt: skip
        self._traced = self._found_in = -1
        if start is not None:
            await self._replace(start)
            self._recorder.fork_branch("reset")
            self._follow_branch()
            self._send(Travel(0))
            return
        self._recorder.begin_branch("reset")
        self._checkpoints.edits = 0
        self._stand_on(self._recorder.branch)
        await self._begin()

    async def _hold_still(self) -> None:
        """Have the training say all that it has to say, if it listens, before another one takes its place."""
        if self.status.state == "running":
            self._pause(Pause(at_once=True))
            until = time.monotonic() + GRACE
            while self.status.state == "running" and time.monotonic() < until:
                await asyncio.sleep(BREATH)
        await self._end_asides()  # also what looks at where it stands now

    async def _end_asides(self) -> None:
        """End what runs beside the training."""
        await self._zoom.stop()
        if self._racing is not None:
            self._racing.cancel()
            await asyncio.wait([self._racing])

    async def _end_debuggee(self) -> None:
        """End the debuggee, if there is one, and take the last that it says."""
        self._tick_off()
        await self._end_asides()
        if self._debuggee is not None and self._following is not None:
            self._is_leaving = True
            self.log("session→debuggee", Quit())
            await self._debuggee.end(GRACE)
            await asyncio.wait([self._following], timeout=FAREWELL)
            self._is_leaving = False
            self._debuggee = None
        if self._before is not None:
            self._before.close_output()
            self._before = None

    async def _follow_keeper(self, keeper: Keeper) -> None:
        while (message := await keeper.read()) is not None:
            self.log("keeper→session", message)
            match message:
                case Ready(python=python, torch=torch):
                    self._recorder.describe({"python": python, "torch": torch})
                    async with self._lock:
                        if not self._is_closed:
                            await self._fork(keeper)
                case Refused():
                    self._refuse(message)
                    break  # it ends: a reset must find no keeper
                case Forked():
                    self._forks.popleft().follow(message)
                case Exited(pid=pid):
                    for debuggee in [each for each in self._living if each.has_pid(pid)]:
                        self._living.remove(debuggee)
                        debuggee.follow(message)
        self._on_keeper_end(keeper)

    def _on_keeper_end(self, keeper: Keeper) -> None:
        self._keeper = None
        line = f"bptui's keeper of the training ended: {death(keeper.bury())}"
        ended = Ended(line, keeper.last_words(), 1)
        lost, self._living = self._living, []
        self._forks.clear()
        for debuggee in lost:
            debuggee.ended = debuggee.ended or ended
            debuggee.lose()
        if not lost and self.status.state == "starting":
            self._on_end(ended)

    async def _follow(self, debuggee: Debuggee) -> None:
        """Record what a debuggee says until its channel ends and its process does."""
        reading = asyncio.create_task(self._read(debuggee))
        both: list[asyncio.Future[Any]] = [reading, debuggee.code]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        # The one follows the other, unless the training closed every fd or left a child that holds the channel.
        await self._wait_in_silence(debuggee, both)
        if not debuggee.code.done() and self.options.script:
            self._change(detail="the script closed the file descriptor by which bptui follows it")
            self._show()
            await debuggee.code
        if not debuggee.code.done():
            debuggee.ended = Ended("the training closed the file descriptor by which bptui follows it", code=1)
            debuggee.kill()
        code = await debuggee.code
        reading.cancel()
        self._take_samples(debuggee)
        if debuggee is self._debuggee and not self._is_leaving and self._checkpoints.pids:
            debuggee.drain()
            debuggee.hand_over()
            self._before = debuggee
        debuggee.close()
        if self._keeper is not None:
            others = self._checkpoints.pids | self._zoom.pids | self._races.pids
            kill_orphans({self._keeper.pid} | others)
        if debuggee is self._debuggee and not self._is_leaving:
            self._debuggee = None
            self._on_end(self._ending(debuggee, code))

    async def _wait_in_silence(self, debuggee: Debuggee, both: list[asyncio.Future[Any]]) -> None:
        """Wait for both as long as something is still said: on a busy machine the last samples take their time."""
        heard = -1
        while debuggee.heard != heard:
            heard = debuggee.heard
            await asyncio.wait(both, timeout=PATIENCE)

    def _ending(self, debuggee: Debuggee, code: int) -> Ended:
        """How it ended: a loop says so itself, the exit code of a script is its process's own."""
        ended = debuggee.ended or Ended()
        if debuggee.ended is not None and not self.options.script:
            return ended
        line = ended.line or (death(code) if code or not self.options.script else self._unseen())
        if code == -signal.SIGKILL and self.options.script:
            line += f"; {self._memory.after_kill()}"
        return Ended(line, ended.traceback, 128 - code if code < 0 else code or int(not self.options.script))

    def _unseen(self) -> str:
        """Why there was nothing to step in a script that has come to its end."""
        if self._recorder.seen:
            return ""
        return (
            "it never imported torch"
            if self._doing == NO_TORCH
            else "no backward pass was seen in its main thread"
        )

    async def _read(self, debuggee: Debuggee) -> None:
        try:
            while (message := await debuggee.read()) is not None:
                self._take_samples(debuggee)  # that were complete before it said this
                self._on_message(debuggee, message)
        except ProtocolError as error:
            self._give_up(debuggee, error)

    def _take_samples(self, debuggee: Debuggee) -> None:
        try:
            for message in debuggee.take():
                self._on_message(debuggee, message)
        except ProtocolError as error:
            self._give_up(debuggee, error)

    def _give_up(self, debuggee: Debuggee, error: ProtocolError) -> None:
        debuggee.ended = Ended(f"the training wrote into bptui's own channel: {error}", code=1)
        debuggee.kill()

    def _on_message(self, debuggee: Debuggee, message: Message) -> None:
        self.log("debuggee→session", message)
        if debuggee is self._debuggee:
            self._on_event(debuggee, message)

    def _send(self, command: Command) -> None:
        assert self._debuggee is not None
        self.log("session→debuggee", command)
        self._debuggee.send(command)

    def _step(self, command: Step) -> None:
        self._zoom.cancel()
        self._is_finite = command.granularity == "sample" or command.is_inside
        self._is_stepping = True
        self._change(state="running", hit=(), detail="" if self._recorder.seen else self._doing)
        self._rate = Rate()
        self._send(command)
        self._tick_on()

    def _ask(self, command: Inspect | SaveTensor) -> None:
        """Have the debuggee answer, if it stands where it is asked about; else say that it does not."""
        is_there = (command.branch, command.stop) == (self.status.branch, self.status.stop)
        if self._debuggee is not None and self.status.state == "paused" and is_there:
            self._send(command)
        elif isinstance(command, Inspect):
            self._answer(Inspected(command.request, _ELSEWHERE))
        else:
            self._answer(TensorSaved(command.request, _ELSEWHERE, False))

    def _evaluate(self, command: Evaluate | Assign) -> None:
        """Have the debuggee answer, if it stands still."""
        if self._debuggee is not None and self.status.state == "paused":
            self._send(command)
        elif isinstance(command, Evaluate):
            self._answer(Evaluated(command.request, Value(problem=_MOVES)))
        else:
            self._answer(Assigned(command.request, problem=_MOVES))

    def _set_watches(self, command: Watches) -> None:
        self._change(watches=command.expressions)
        self._keep()
        if self._debuggee is not None and self.status.state in ("paused", "running"):
            self._send(command)
        self._show()

    def _keep(self) -> None:
        """For the next run of the same target."""
        if self.options.keep:
            kept = Kept(self.options.target, self.status.breakpoints, self.status.watches)
            save(Path(self.options.keep), kept)

    def _set_breakpoints(self, command: Breakpoints) -> None:
        known = {(each.id, each.text) for each in self.status.breakpoints}
        same = {each.id for each in command.breakpoints if (each.id, each.text) in known}
        hits = tuple(each for each in self.status.hits if each.id in same)
        self._change(breakpoints=command.breakpoints, hits=hits)
        self._keep()
        if self._debuggee is not None and self.status.state in ("paused", "running"):
            self._send(command)
        self._show()

    def _pause(self, command: Pause) -> None:
        if self._racing is not None:
            self._racing.cancel()
            return
        self._travels.abandon()
        self._looking = None
        self._queue.clear()
        if self._debuggee is not None:  # else it is over, and _follow is about to say so
            self._send(command)
            self._patience = 0 if command.at_once or not self._recorder.seen else TICKS_TO_A_NUDGE
            self._change(pausing=True)
            self._nudge()
            self._show()

    def _nudge(self) -> None:
        """Have a pause obeyed that can not wait for the sample's end; again if it came in our own code."""
        if self.status.pausing and self._patience <= 0 and self._debuggee is not None:
            self._debuggee.nudge()
        self._patience -= 1

    # -- events ----------------------------------------------------------------------------------------

    def _on_event(self, debuggee: Debuggee, event: Message) -> None:  # noqa: C901 - a table of cases
        if isinstance(event, Edited) and self._checkpoints.address:
            if self._joins():
                return
            self._branch_off(event.edit)
        self._recorder.event(event)
        match event:
            case Samples():
                self._on_samples(event)
            case GraphTraced(step=step):
                self._traced = step
            case BreakpointsHit(hits=hits):
                known = {each.id: each for each in (*self.status.hits, *hits)}
                self._change(hits=tuple(known.values()))
            case CheckpointRefused() | Met():
                self._on_way(event)
            case Stopped() if not self._is_leaving:
                debuggee.drain()
                self._on_stopped(event)
            case Explained() | Checked() | Edited() | Watched() if (
                self.status.state == "paused"
            ):  # else the next tick, or the stop, commits
                self._show()
            case Inspected() | TensorCounted() | TensorSaved() | Evaluated() | Assigned():
                debuggee.drain()
                self._answer(event)
            case Imported(paths=paths):
                self._program.note(paths)
            case Doing(what=what):
                self._doing = what
                self._change(detail=what)
            case Refused():
                self._refuse(event)
            case Ended():
                debuggee.ended = event

    def _on_samples(self, batch: Samples) -> None:
        self._newest = batch
        if self._recorder.branch != self.status.branch:
            self._follow_branch()
        if self.status.detail == self._doing:
            self._change(detail="")

    def _on_way(self, event: CheckpointRefused | Met) -> None:
        if isinstance(event, CheckpointRefused):
            self._change(no_return=event.why)
            if event.is_final:
                self._checkpoints.forget()
        else:
            self._travels.met(event)

    def _follow_branch(self) -> None:
        """The recording has begun another branch: what was run again was not what it had."""
        self._forks_of[self._recorder.branch] = (self.status.branch, self._recorder.forked)
        self._stand_on(self._recorder.branch)

    def _joins(self) -> bool:
        """Whether what was set begins a branch that is recorded; then it stands there."""
        branch, self._travels.joins = self._travels.joins, None
        if branch is None:
            return False
        self._checkpoints.note_edit()
        self._recorder.return_to(branch, self._recorder.seen)
        self._stand_on(branch)
        return True

    def _branch_off(self, edit: Edit) -> None:
        """What is set by hand begins another run, unless the one at hand has begun here."""
        self._checkpoints.note_edit()
        if self._forks_of.get(self.status.branch, (0, -1))[1] == self._recorder.seen == self._recorder.recorded:
            return
        self._recorder.fork_branch(f"{edit.what} = {edit.new}")
        self._follow_branch()

    def _stand_on(self, branch: int) -> None:
        self._checkpoints.begin_branch(branch)
        self._travels.branch = branch
        self._change(branch=branch)

    def _on_stopped(self, event: Stopped) -> None:
        is_amid, is_seeking = event.is_amid, self._travels.is_seeking
        self._travels.stopped(event)
        if is_seeking:
            return
        if self._is_to_look_back(event, is_amid):
            self._spawn(self._look_back(event))
            return
        event = self._found(event, is_amid)
        self._tick_off()
        if self.status.state == "starting":
            self._equip()
        self._change(
            state="paused", detail=event.reason, pausing=False, samples_per_second=0.0, waits_for_input=False,
            stop=self.status.stop + 1, hit=event.hit,
        )  # fmt: skip
        spent = [each for each in self.status.breakpoints if each.is_temporary and each.id in event.hit]
        if spent:
            left = tuple(each for each in self.status.breakpoints if each not in spent)
            self._set_breakpoints(Breakpoints(left))
        if event.steps and event.imported_late and self._keeper is not None:  # the next one should not wait for it
            self._keeper.warm_up()
        if self._queue:
            self._go(self._queue.popleft())
        elif not is_amid and event.steps - 1 != self._traced:
            self._look_at(event.steps - 1)
        self._show()

    def _is_to_look_back(self, event: Stopped, is_amid: bool) -> bool:
        """Whether it stops for a number that is not finite, and can return to the op that made it."""
        is_asked = any(each.id in event.hit and each.looks_back for each in self.status.breakpoints)
        is_known = self._found_in == event.steps - 1
        can_return = self.options.reverse and not self.status.no_return
        return is_asked and can_return and self._is_stepping and not (is_amid or is_known)

    async def _look_back(self, event: Stopped) -> None:
        """Go to the op, node or update that was the first to give something not finite; else stay."""
        self._queue.clear()
        self._looking, self._is_stepping = event, False
        self._change(detail="back to where it was first not finite")
        if problem := await self._travels.to_nonfinite():
            self._looking = None
            self._on_stopped(dataclasses.replace(event, reason=f"{event.reason}: {problem}"))

    def _found(self, event: Stopped, is_amid: bool) -> Stopped:
        """The stop, which is for the hit that was looked back from, if it is one for that."""
        looked, self._looking = self._looking, None
        if is_amid and event.reason.startswith(FIRST):
            self._found_in = event.steps
            return dataclasses.replace(event, hit=looked.hit) if looked is not None else event
        if not is_amid or event.steps != self._found_in:
            self._found_in = -1
        return event

    def _on_lines(self, lines: list[Line]) -> None:
        self._recorder.output(lines)
        self._on_printed()

    def _on_rows(self, rows: list[Row]) -> None:
        self._recorder.rows(rows)
        self._on_printed()

    def _on_printed(self) -> None:
        if self.status.state != "running":  # otherwise the next tick commits
            self._show()

    def _refuse(self, refused: Refused) -> None:
        detail = refused.traceback or refused.line
        self._change(state="failed", refused=refused.line, detail=detail, exit_code=refused.code)
        self._show()

    def _on_end(self, ended: Ended) -> None:
        self._tick_off()
        self._travels.ended(self._recorder.seen)
        self._change(waits_for_input=False, has_terminal=False)
        if not self.status.refused:
            state = "finished" if ended.code == 0 else "failed"
            detail = "\n".join(filter(None, (ended.line, ended.traceback)))
            self._change(state=state, detail=detail, exit_code=ended.code, pausing=False, samples_per_second=0.0)
        self._show()

    # -- status ----------------------------------------------------------------------------------------

    def _change(self, **changes: Any) -> None:
        self.status = dataclasses.replace(self.status, **changes)

    def _show(self) -> None:
        """Commit, and tell the apps what there is to see."""
        self._write_state()
        self._recorder.commit()
        steps, trouble = self._recorder.steps, self._recorder.trouble
        live = in_words(self._newest) if trouble and self._newest else ""
        self._change(steps=steps, trouble=trouble, live=live, revision=self.status.revision + 1)
        self._change(recorded=self._recorder.recorded, differs=self._recorder.differs)
        self._change_checkpoints()
        self._shown = self.status
        self._notify(self.status)

    def _write_state(self) -> None:
        state = (self.status.state, self.status.detail, self.status.exit_code)
        if state != self._written:
            self._written = state
            self._recorder.state(*state)

    # -- time ------------------------------------------------------------------------------------------

    def _tick_on(self) -> None:
        self._tick_off()
        self._ticker = self._spawn(self._tick())

    def _tick_off(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK if self._is_seen() else UNSEEN_TICK)
            if self._debuggee is not None and not self._is_leaving:
                self._debuggee.raise_flag()
                self._take_samples(self._debuggee)
            self._on_tick()

    def _on_tick(self) -> None:
        rate = self._rate.update(self._recorder.seen)
        silence = self._rate.silence
        waits = self._debuggee is not None and silence > 0 and self._debuggee.waits_for_input()
        self._change(samples_per_second=rate, waits_for_input=waits)
        self._nudge()
        if self._recorder.is_dirty or self.status != self._shown:
            self._show()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """A bug of ours: better a session that ends than one that hangs."""
        self._failure = error
        self.over.set()
