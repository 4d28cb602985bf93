"""visit(): the one place where the debuggee pauses."""

from __future__ import annotations

import base64
import contextlib
import math
import sys
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from bptui.debuggee.checkpoints import Checkpoints
from bptui.debuggee.conditions import Conditions
from bptui.debuggee.epochs import Epochs
from bptui.debuggee.inspector import Inspector
from bptui.debuggee.line_breaks import LineBreaks
from bptui.debuggee.live_traces import LiveTraces
from bptui.debuggee.modules import user_files
from bptui.debuggee.parameter_batches import ParameterBatches
from bptui.debuggee.quantities import InsideQuantities, Quantities
from bptui.debuggee.questions import Questions
from bptui.debuggee.samples import LARGEST_COUNT
from bptui.debuggee.skipping import Skipping
from bptui.debuggee.sources import Sources
from bptui.debuggee.way import Goal, Way
from bptui.protocol import (
    Ask,
    Breakpoints,
    Channel,
    Check,
    Checked,
    Edited,
    Explained,
    GraphTraced,
    Imported,
    InsideSeen,
    Inspect,
    LayoutSeen,
    Message,
    Overhead,
    Pause,
    Quit,
    Ring,
    Samples,
    SaveTensor,
    StackSeen,
    Step,
    Stopped,
    Travel,
    pack_explanations,
    pack_graph,
)
from bptui.records import OVERHEAD, Edit, Node, Parameter, Sample, Stack

if TYPE_CHECKING:  # at run time these import torch, and a script is joined before it does
    from bptui.debuggee.frames import StackReader
    from bptui.debuggee.graph import Tracer
    from bptui.debuggee.nonfinite import Event
    from bptui.debuggee.rows import Row, RowReader
    from bptui.debuggee.study import Study

PARAMETERS_WAIT = 0.08
"""Seconds that statistics of parameters wait at most for those of the next sample, to be put together."""

LATE_IMPORT = "torch._dynamo"
"""What the first optimizer of a process imports, 1 s each time; a training without one never does."""

TRACE_BEFORE = 64
"""So many samples before a stop are traced, so that one can look back from it at whole graphs."""

TRACED_ROWS = 1000
"""But of large graphs only so many as have these rows together: 0.1 ms and 0.5 KB a row."""


class Marks(Protocol):
    """Where the training prints: can be flushed, and told which step begins."""

    def flush(self) -> None:
        """Send what was printed so far."""

    def mark(self) -> None:
        """Say which step begins now."""


class Quitting(SystemExit):
    """The session wants the training to end; the loop's own clean-up may run.

    A SystemExit, so that Python ends an unmodified script by it without a word.
    """


class Stepper:
    """Writes down the rows of samples, and decides where to stop.

    Attributes:
        steps: How many samples are complete.
        stops_next: Whether the next sample is known to be the last one before a stop, or of the run.
        keeps_next: Whether the calls of the next sample are kept, since it may stop after any of them.
        trace_next: Whether the next sample is to be traced, op by op.
        wants_graph: Whether its graph is to be written down.
        plans: How often it was said anew how far to go.
        may_stop: Whether the training may stop after the next sample, as nobody can know where an epoch ends.
        reader: Turns samples into rows, once torch is there.
        overhead: Of the running time, so much goes into graphs and, by halves, into statistics of parameters.
        stack: Reads where the user's code is, once torch is there.
        is_ours: False in a child that the training has forked.
        shown: The graph of the last sample that was traced.
        inspector: Shows tensors while the training stands still.
        conditions: The breakpoints.
        quantities: What the names of their conditions stand for.
        breaks: Those of them that are on lines.
        questions: Answers what the user asks.
        checkpoints: Makes copies of the training to return to.
        resume: Called after a stop in the midst of a sample.
        declares_lengths: Whether it is the loop itself that says how long an epoch is; what is found may be wrong.
    """

    def __init__(self, channel: Channel, ring: Ring, console: Marks) -> None:
        """Stand before the first sample.

        Args:
            channel: To the session.
            ring: What the samples are written into.
            console: Where the training prints.
        """
        self.steps = 0
        self._first_loss: float | None = None
        self.stops_next = self.keeps_next = False
        self.trace_next = self.wants_graph = False
        self.may_stop = False
        self.plans = 0
        self._channel = channel
        self._ring = ring
        self._flag = ring.flag
        self._seen = self._flag[0]
        self._console = console
        self.reader: RowReader | None = None
        self.stack: StackReader | None = None
        self._sources = Sources()
        self.is_ours = True
        self.declares_lengths = True
        self._announced = 0
        self._attention_at: float = 0
        self._goal = Goal()
        self.checkpoints = Checkpoints(channel, ring)
        self._way = Way()
        self.conditions = Conditions(channel.send)
        self.quantities = Quantities()
        self.breaks = LineBreaks(self._at_line)
        self.resume: Callable[[], object] = lambda: None
        self._epochs = Epochs()
        self._stopped = True
        self._pausing: Pause | None = None
        self._has_ticked = False
        self.overhead = OVERHEAD
        self._live = LiveTraces(OVERHEAD / 2)
        self._statistics = ParameterBatches()
        self._statistics_sent = 0.0
        self._before = TRACE_BEFORE
        self._trace_from: float = math.inf
        self.shown: tuple[Node, ...] = ()
        self._study: Study | None = None
        self.questions = Questions(channel, self._frames, self.quantities, self._note_edit)
        self._is_amid = False
        self._arrival = 0
        self.inspector = Inspector(channel, self._scopes)
        self._skipping = Skipping(lambda: self.inspector.live.leaves(), self._scopes)

    def _frames(self) -> list[FrameType]:
        return self.stack.frames() if self.stack is not None else []

    def _scopes(self) -> list[dict[str, Any]]:
        return self.stack.variables() if self.stack is not None else []

    @property
    def inside(self) -> Step | None:
        """The step at hand, if it may end inside a sample."""
        return self._goal.inside

    @property
    def may_end_inside(self) -> bool:
        """Whether the next op, node or phase may be where it ends."""
        return self._goal.inside is not None and self._goal.left <= 1

    @property
    def is_followed(self) -> bool:
        """Whether it may stop inside the next sample, at an op or node."""
        return self._goal.inside is not None or self.conditions.at_ops

    @property
    def sought(self) -> int | None:
        """Which op, node or update of the sample at hand is the first with something not finite, as `Way` says."""
        return self._way.sought if self._goal.inside is not None else None

    def find(self, event: Event | None) -> None:
        """This was the first of the sample."""
        if event is not None:
            self._way.find(event.number, event.source == "before")

    @property
    def producing(self) -> int:
        """The step to which what is printed now belongs; -1 before the first sample."""
        return self.steps - self._stopped

    def undisturbed(self) -> int:
        """How many samples from here on nobody will ask for."""
        is_near = self.trace_next or self.may_stop or self.is_called() or self.breaks.is_armed
        return 0 if is_near else int(min(self._attention_at - self.steps - 1, LARGEST_COUNT))

    def is_called(self) -> bool:
        """Whether the session has raised the flag."""
        return bool(self._flag[0] != self._seen)

    def pass_by(self, layout: int, numbers: Sequence[float]) -> None:
        """`visit` of one of the `undisturbed` samples.

        Args:
            layout: The kinds of its numbers, which were those of the sample before, too.
            numbers: Epoch, index, and all quantities.
        """
        self._ring.put_row(layout, numbers)
        self.steps += 1

    def visit(self, sample: Sample, row: Row, nodes: tuple[Node, ...] | None) -> None:
        """A sample is complete: keep it, and stop here if that is asked for.

        The session raises the flag for every command and 12 times a second; while it stands still and no stop is
        near, this is one record in the `Ring` and one look at the flag.
        """
        if row.layout >= self._announced:
            self._announce()
        if row.tensors:
            self._ring.put(_alone(self.steps, row))
        else:
            self._ring.put_row(row.layout, row.numbers)
        self.steps += 1
        if self.steps < self._attention_at and nodes is None and not self.is_called():
            return
        if self.reader is not None:
            self.quantities.see(self.steps, sample, row.numbers, self.reader.layouts[row.layout], nodes)
        self._attend(sample, nodes)

    def keep(self, parameters: tuple[Parameter, ...], numbers: array[float], is_due: bool) -> None:
        """Statistics of each parameter at the sample that is visited next; not due, if only for a stop there."""
        self._statistics.add(self.steps, parameters, numbers, is_due)
        self.quantities.measure(self.steps + 1, numbers)
        if is_due and time.monotonic() > self._statistics_sent + PARAMETERS_WAIT:
            self.flush()

    def know(self, parameters: tuple[Parameter, ...], tensors: Sequence[Any]) -> None:
        """These are the parameters that were measured."""
        self.inspector.know(parameters, tensors)
        self.quantities.know(parameters, tensors, self.conditions)

    def say(self, message: Message | None) -> None:
        """Write something down of the sample that is visited next."""
        if message is not None:
            self._ring.put(message)

    def keep_trace(self, tracer: Tracer | None) -> None:
        """What was recorded of the sample that is visited next: to be written down, explained and looked at."""
        self._study = tracer.study if tracer is not None else None
        if tracer is not None:
            self.inspector.live.rows = tracer.rows

    def is_pausing(self) -> bool:
        """Whether a pause was asked for inside a sample; other commands are obeyed here, too."""
        if self.is_called():
            self._tick()
        return self._pausing is not None

    def arrive(self) -> bool:
        """One of the stops inside a sample that a step counts has come; whether it, or a pause, ends here."""
        if self.is_pausing():
            return True
        self._goal.left -= 1
        return self._goal.inside is not None and self._goal.left <= 0

    def meet(self, phase: str) -> None:
        """One of the stops inside a sample has come, whether it ends there or not."""
        self._way.arrives(phase, self.steps)

    def hits_inside(self, here: Mapping[str, Callable[[], Any]]) -> tuple[int, ...]:
        """The breakpoints that stop at an op or node.

        Args:
            here: Its quantities.
        """
        step = self.steps + 1
        quantities = InsideQuantities(self.quantities, step, here)
        return self._way.halts(self.conditions.at_op(quantities, step, lambda: _place(here)), self.steps)

    def _at_line(self, frame: FrameType) -> None:
        if self.questions.evaluator.is_at_work:
            return
        path, line, step = frame.f_code.co_filename, frame.f_lineno, self.steps + 1
        quantities = InsideQuantities(self.quantities, step, {})
        hit = self._way.halts(
            self.conditions.at_line(str(Path(path).absolute()), line, quantities, step), self.steps
        )
        if hit and self.is_ours:
            self.wait(is_amid=True, hit=hit)
            self.resume()

    def wait(
        self,
        reason: str = "",
        is_amid: bool = False,
        inside: InsideSeen | None = None,
        study: Study | None = None,
        hit: tuple[int, ...] = (),
        arrival: int = 0,
    ) -> None:
        """Stop until a command says how to go on.

        Args:
            reason: Why here, empty if it was asked for.
            is_amid: Whether this is in the midst of a sample.
            inside: What is to be seen there, if it is at an op or node.
            study: What can be said of the nodes of the sample, there.
            hit: The breakpoints that are why.
            arrival: The how many-th stop inside the sample it is, 0 if nobody has counted.
        """
        self.flush()
        self.checkpoints.stand()
        if not is_amid and self._save(is_stop=True) and self._way.is_on:
            self._plan()
            return
        self._study = study or (None if is_amid else self._study)
        if not self._channel.is_open:
            self._goal = Goal()  # nobody could say how to go on
            return
        self._stopped, self._is_amid, self._arrival = not is_amid, is_amid, arrival
        self._pausing = None
        self._console.flush()
        self.conditions.aim("")
        halted = self._way.halted(self.steps) if is_amid else 0
        is_late = LATE_IMPORT in sys.modules
        while self._stand(Stopped(self.steps, reason, is_late, hit, arrival, halted, is_amid), inside):
            pass
        self.questions.close()
        self.checkpoints.go()
        self._arrival = 0
        self._stopped, self._study = False, None  # what it holds of the sample is not needed any more
        self._console.mark()
        self._plan()
        self.inspector.close()

    def _stand(self, stopped: Stopped, inside: InsideSeen | None) -> bool:
        """Stop until a command says how to go on.

        Returns:
            Whether to stop here again: sent to where it stands, or a copy that was made after something was set.
        """
        is_amid = self._is_amid
        stack = self._messages(self.stack.now(is_amid)) if self.stack else []
        if inside is not None:
            place = inside.stop.place
            stack += [*(self._sources.of(place.path) if place else ()), inside]
        self.inspector.open(self.steps)
        stack += self._explained(self.steps) if inside is not None else ()
        reason = ": ".join(filter(None, (self.conditions.in_words(stopped.hit), stopped.reason)))
        met = self._way.end()
        stack += [met] if met else []
        self._say_hits()
        self.questions.open(self.steps, is_amid)
        self._channel.send(*stack, replace(stopped, reason=reason))
        self._goal = Goal(stop_at=self.steps)
        while self._goal.stop_at == self.steps:
            self._obey(self.inspector.next_command())
            if self._way.is_on and self._goal.stop_at == self.steps and not is_amid:
                return True
            if self.checkpoints.is_edited and self._save(True, stopped.inside if is_amid else -1):
                return not self._way.is_on
        return False

    def fail(self, error: BaseException) -> None:
        """An exception ends the training: send the frames that it went through."""
        self.flush()
        if self.stack is not None:
            self._channel.send(*self._messages(self.stack.of(error)))

    def attend(self, where: str) -> None:
        """Obey commands in the midst of a sample, or before the first one, and stop if that is asked for.

        Args:
            where: The line of the script that is about to be run.
        """
        self._tick()
        if self._pausing is not None and (self._pausing.at_once or not self.steps):
            self.wait(f"at {where}", is_amid=True)
        else:
            self._plan()

    def begin_checkpoints(self, address: str, intra_op: int) -> bool:
        """From now on copies of the training wait at this address, the first one from before the first sample.

        Args:
            address: The session's abstract Unix socket.
            intra_op: How many threads torch has.

        Returns:
            Whether this is such a copy, woken and told how to go on.
        """
        self.checkpoints.begin(address, intra_op)
        is_woken = self.reader is not None and self._save(is_stop=True)
        if is_woken:
            self._go_on_or_stand()
        return is_woken

    def leave(self) -> None:
        """In a forked child: never speak, never stop."""
        self.is_ours = False

    def flush(self) -> None:
        """Write down the statistics that wait, and what has become of breakpoints."""
        self._say_hits()
        self._statistics_sent = time.monotonic()
        self._ring.put(*self._statistics.messages())

    def _announce(self) -> None:
        """Say of what kinds the quantities of the next samples are."""
        for layout in self.reader.layouts[self._announced :] if self.reader else ():
            self._ring.put(*(self._sources.of(layout.place.path) if layout.place else ()))
            self._ring.put(LayoutSeen(self._announced, layout))
            self._announced += 1

    def _messages(self, stack: Stack) -> list[Message]:
        if not stack.frames:
            return []
        sources = [source for frame in stack.frames for source in self._sources.of(frame.place.path)]
        return [*sources, StackSeen(self.steps, stack)]

    def _attend(self, sample: Sample, nodes: tuple[Node, ...] | None) -> None:
        self.inspector.sample = sample
        if self.steps == 1:
            self._first_loss = _number(sample.loss)
        ended = self._epochs.ends_with(sample, self.steps)
        if self._goal.epochs is not None:
            self._goal.epochs -= ended
        if nodes is not None:
            self._before = max(1, min(TRACE_BEFORE, TRACED_ROWS // max(1, len(nodes))))
            self.flush()
            self._channel.send(GraphTraced(self.steps - 1, base64.b64encode(pack_graph(nodes)).decode()))
            self._channel.send(*self._explained(self.steps - 1))
            self._live.end(self.steps, len(nodes))
            self.shown = nodes
        is_over = self._ends_with_sample()
        if self.is_called():
            self._tick()
            self.questions.watch(self.steps, is_running=True)
        hit = self._way.completes(self.conditions.at_sample(self.quantities, self.steps), self.steps)
        is_epoch = self._goal.epochs is not None and self._goal.epochs <= 0
        reason = self._epochs.doubt if is_epoch else ""
        if self._way.is_on and self._goal.stop_at == self.steps:
            reason = self._put_back()
            self._goal = self._go_on_way(is_amid=False)
        if is_epoch or self._goal.stop_at == self.steps or is_over or hit:
            self.wait(reason, hit=tuple(filter(None, hit)))
        elif self._save(is_stop=False):
            self._go_on_or_stand()
        else:
            self._go_on()

    def _go_on(self) -> None:
        self._study = None
        self._plan()
        self.inspector.close()

    def _save(self, is_stop: bool, inside: int = -1) -> bool:
        """Make a copy of the training to return to, if it is worth it; whether this is such a copy, woken."""
        if not self.checkpoints.is_due(self.steps, is_stop):
            return False
        self.flush()
        self._console.flush()
        if not self.steps:
            self._channel.send(Imported(user_files()))
        stops = self.checkpoints.take(self.steps, inside)
        if stops is None:
            return False
        self._flag = self._ring.flag
        self._seen = self._flag[0]
        self._announced, self._sources = 0, Sources()  # to a session that may know those of another past
        self._statistics.announce_anew()
        self.inspector.stops = stops
        self._pausing, self._goal = None, Goal()
        self._way.end()  # that of the training of which this is a copy
        while not self._way.is_on:
            self._obey(self._channel.receive())
        if self._goal.stop_at == self.steps:
            self._way.end()
        return True

    def _go_on_or_stand(self) -> None:
        """In a copy that was woken."""
        if self._way.is_on:
            self._go_on()
        else:
            self.wait()

    def _explained(self, step: int) -> list[Message]:
        if self._study is None:
            return []
        packed = pack_explanations(self._study.explanations())
        return [Explained(step, base64.b64encode(packed).decode())]

    def _answer(self, ask: Ask) -> None:
        """Find out more about a row of the sample at which, or in which, it stands."""
        if self._study is not None and ask.step in (self.steps - 1, self.steps):
            self._study.answer(ask.row, ask.about)
            self._channel.send(*self._explained(ask.step))

    def _check(self, check: Check) -> None:
        """Check the training as a whole, on the sample at which, or in which, it stands."""
        from bptui.debuggee.checking import check_training

        is_here = self._study is not None and check.step in (self.steps - 1, self.steps)
        explainer = self._study.explainer if self._study is not None and is_here else None
        for name in check.names:
            told = check_training(name, explainer, check.step, self._first_loss)
            self._channel.send(Checked(check.step, told))

    def _ends_with_sample(self) -> bool:
        """Whether a step inside ends with the sample, whose end is a stop as others are."""
        step = self._goal.inside
        self._goal.left -= 1
        return step is not None and (self._goal.left <= 0 or step.granularity in ("module", "row"))

    def _tick(self) -> None:
        self._seen = self._flag[0]
        self._has_ticked = True
        self.flush()
        self._say_hits()
        for command in self._channel.poll():
            self._obey(command)

    def _say_hits(self) -> None:
        news = self.conditions.news()
        if news is not None:
            self._channel.send(news)

    def _note_edit(self) -> None:
        """What was set is seen in the variables of the stop, too; and from here on it is another run."""
        self.checkpoints.note_edit()
        if self.stack is not None:
            self._channel.send(*self._messages(self.stack.now(self._is_amid)))

    def _obey(self, command: Message) -> None:
        if self.questions.obey(command) or self._go(command):
            return
        if isinstance(command, Ask):
            self._answer(command)
        elif isinstance(command, Check):
            self._check(command)
        elif isinstance(command, Breakpoints):
            self.conditions.arm(command.breakpoints)
            self.breaks.arm(self.conditions.lines())
            self.quantities.choose(self.conditions)
        elif isinstance(command, Overhead):
            self.overhead, self._live.share = command.share, command.share / 2
            self._trace_from = command.trace_from or math.inf
        elif isinstance(command, Inspect | SaveTensor):
            self.inspector.obey(command)
        elif isinstance(command, Quit):
            raise Quitting

    def _go(self, command: Message) -> bool:
        """Take up how far to go; whether it was a command about that."""
        if isinstance(command, Pause):
            self._pausing = command
            # Between two samples, the next one is traced whole from its first op on; it is the last in any case.
            soon = self.steps + 1
            at = soon if self._goal.stop_at is None else min(self._goal.stop_at, soon)
            self._goal = Goal(at, inside=Step("op"), left=1)
        elif isinstance(command, Travel):
            self._way.begin(command)
            self._goal = self._go_on_way(self._is_amid)
            self.conditions.aim("")
        elif isinstance(command, Step):
            stop_at = self.steps + command.count if command.granularity == "sample" else None
            epochs = command.count if command.granularity == "epoch" else None
            inside = command if command.is_inside else None
            left = 1 if command.granularity == "row" else command.count  # its count is the row's number
            self._goal = Goal(stop_at, epochs, self.steps, inside, left)
            self.conditions.aim(command.until)
            self.quantities.choose(self.conditions)
        else:
            return False
        return True

    def _go_on_way(self, is_amid: bool) -> Goal:
        """The next part of the way, before a sample that may have to be skipped."""
        kind = self._way.skips(self.steps)
        if kind and not is_amid:
            self._skipping.keep(kind, self.questions.assigner.optimizers())
        return self._way.goal(self.steps, self._arrival if is_amid else 0)

    def _put_back(self) -> str:
        """Put back what the sample has changed, if it is to be skipped; one line why that was not possible."""
        kind, is_done = self._skipping.put_back()
        if not kind:
            return ""
        if not is_done:
            return f"before sample {self.steps} no parameter was known: nothing is skipped"
        self.flush()
        what = f"sample {self.steps}" if kind == "sample" else f"update of sample {self.steps}"
        self._channel.send(Edited(Edit(self.steps, what, "made", "skipped")))
        self.checkpoints.note_edit()
        return f"{what} was skipped"

    def _plan(self) -> None:
        """Say how many samples may pass without attention, and whether the next one is traced."""
        self.plans += 1
        left = None if self._goal.stop_at is None else self._goal.stop_at - self.steps
        if self._goal.epochs is not None:
            left = self._epochs.samples_to(self._goal.epochs)
            if left is not None and self.declares_lengths:
                self._goal = Goal(stop_at=self.steps + left)
        last = self._epochs.samples_to_the_end()
        conditions = self.conditions
        nearest = self._epochs.samples_to_index(conditions.indexes)
        counts = [count for count in (left, last, nearest) if count is not None]
        watched = self._goal.epochs is not None or (bool(conditions.indexes) and nearest is None)
        is_inside = self._goal.inside is not None
        watched = watched or is_inside or not self.steps  # the first sample says how many there are
        if self._goal.epochs is not None and left is None:
            counts.append(self.steps - self._goal.since + 1)
        is_traced = self.steps + 1 >= self._trace_from
        self.stops_next = is_inside or is_traced or any(count <= 1 for count in counts)
        self.keeps_next = self.stops_next or conditions.at_ops
        is_live = not self._way.is_on and self._live.is_due(self.steps, self._has_ticked)
        before = 1 if self._way.is_on else self._before
        self.trace_next = any(count <= before for count in counts) or is_live or is_inside or is_traced
        self.wants_graph = self.trace_next or (self.declares_lengths and conditions.needs_graphs)
        self.trace_next = self.wants_graph or conditions.at_ops
        if is_live:
            self._has_ticked = False
            self._live.begin(self.steps)
        # Shortly before a stop attention is due, to trace the samples that lead there; where the loop does not
        # declare how long an epoch is, every sample is looked at.
        stops = [self.steps + count - before for count in counts if count > before]
        if self.stops_next:
            self.inspector.remember(self.steps)
        self.may_stop = watched or conditions.needs_updates or not self.quantities.knows(conditions)
        is_looked_at = watched or conditions.at_samples or conditions.at_ops
        self._attention_at = self.steps if is_looked_at else min([*stops, self._trace_from - 1])


def _place(here: Mapping[str, Callable[[], Any]]) -> str:
    """An op or node in words: "forward · relu · net.1"."""
    return " · ".join(filter(None, (str(here[name]()) for name in ("phase", "op", "module"))))


def _number(loss: Any) -> float | None:
    """A loss as a number, if it is one."""
    from bptui.debuggee.unobserved import unobserved

    with contextlib.suppress(Exception), unobserved():  # whatever the user's loop calls its loss
        return float(getattr(loss, "value", loss))
    return None


def _alone(step: int, row: Row) -> Samples:
    """A sample some of whose quantities have several elements."""
    tensors = tuple((step, name, summary) for name, summary in row.tensors)
    return Samples(step, row.layout, base64.b64encode(array("d", row.numbers)).decode(), tensors)
