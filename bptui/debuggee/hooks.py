"""What bptui listens to in an unmodified script: backward passes, and the loop around them."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from bptui.debuggee import losses
from bptui.debuggee.at_rest import AtRest
from bptui.debuggee.compiling import EAGER, KEPT, force_eager, not_compiled, notice_compile, stay_uncompiled
from bptui.debuggee.epoch_counter import EpochCounter
from bptui.debuggee.express import Express
from bptui.debuggee.findings import Findings
from bptui.debuggee.frames import StackReader, running_calls
from bptui.debuggee.graph import Tracer
from bptui.debuggee.inside import Inside
from bptui.debuggee.known import ElementReader, Known
from bptui.debuggee.learning_rates import LearningRates
from bptui.debuggee.loader_passes import LoaderPasses
from bptui.debuggee.loop_watch import LoopWatch
from bptui.debuggee.loss_scale import LossScale
from bptui.debuggee.noticing import Noticing
from bptui.debuggee.ops import OpTagger
from bptui.debuggee.own_frames import unseen
from bptui.debuggee.parameter_stats import ParameterStatistics
from bptui.debuggee.parameters import Parameters, leaves_under
from bptui.debuggee.pending import Pending
from bptui.debuggee.rows import RowReader
from bptui.debuggee.stepper import Stepper
from bptui.debuggee.updates import Updates
from bptui.debuggee.user_loops import frames_around, look_around
from bptui.debuggee.wanted import WantedGradients
from bptui.protocol import Channel, Doing, Found
from bptui.records import Kind, Node, Sample

_ENGINE = "_engine_run_backward"

_COUNT = Kind((), "int", "cpu")

_OTHER_THREADS = "backward passes in other threads than the main one are not listened to"


class Hooks:
    """Turns backward passes into samples.

    A sample is one iteration of the innermost loop of the user's code around the backward call; where there is no
    such loop, what leads to one update of the weights.
    """

    def __init__(
        self,
        stepper: Stepper,
        channel: Channel,
        keep_compile: bool = False,
        sample_at: str = "",
        epoch_length: int = 0,
    ) -> None:
        """Listen to nothing yet.

        Args:
            stepper: Takes the samples.
            channel: Takes what is found out.
            keep_compile: Whether torch.compile compiles, and what it compiles is not traced.
            sample_at: "backward", "update" or "loop": what a sample ends with; empty to find out.
            epoch_length: How many samples an epoch has, 0 to find out.
        """
        self._stepper = stepper
        self._findings = Findings(channel)
        self._keeps_compile = keep_compile
        self._is_compiled = False
        self._channel = channel
        self._is_inside = False
        self._is_stepping = False
        self._works = True
        self._thread = threading.main_thread().ident
        self._parameters = Parameters()
        self._statistics = ParameterStatistics()
        self._updates = Updates()
        self._rates = LearningRates()
        self._updates_before = 0
        self._updates_until = 0
        self._runs = 0
        self._noticing = Noticing(stepper.say, lambda: stepper.steps)
        self._has_micro_batches = False
        self._pending: Pending | None = None
        self._sample_at = sample_at
        self._passes = LoaderPasses()
        self._loss_scale = LossScale()
        self._epochs = EpochCounter(self._passes, epoch_length)
        self._watch = LoopWatch(lambda: self._guard(self._end_iteration), self._epochs.leave, stepper.breaks)
        self._tracer: Tracer | None = None
        self._inside = Inside(stepper)
        self._tagger = OpTagger()  # one for all: it may be told to end in the midst of an op
        self._other_threads = ""
        self._told: tuple[object, ...] = ()
        self._reader = stepper.reader = RowReader()
        self._losses = ElementReader()
        self._express = Express(
            stepper, self._parameters, self._updates, self._epochs, self._watch, self._losses, self._is_due
        )
        stepper.stack = StackReader(running_calls)
        stepper.inspector.load()
        stepper.quantities.rate = lambda: self._rates.first
        stepper.questions.assigner.optimizers = self._rates.optimizers
        stepper.quantities.weigh = self._parameters.weigh
        self._wanted = stepper.quantities.wanted = WantedGradients()
        self._at_rest = stepper.quantities.at_rest = AtRest()
        stepper.declares_lengths = False

    def install(self) -> None:
        """Listen from now on."""
        # Every Tensor.backward, autograd.backward and autograd.grad goes through this one global.
        self._engine = getattr(torch.autograd, _ENGINE)
        setattr(torch.autograd, _ENGINE, self._run_backward)
        register_optimizer_step_pre_hook(not_compiled(self._before_step))
        register_optimizer_step_post_hook(not_compiled(self._after_step))
        self._passes.install()
        self._loss_scale.install()
        notice_compile(self._on_compile)
        self.begin()
        self._channel.send(Found({"torch": str(torch.__version__)}), Doing("no backward pass yet"))

    def begin(self) -> None:
        """The first sample is about to begin: trace it, and step inside it, if it is to be seen."""
        if self._stepper.trace_next:
            self._trace()
        if self._tracer is not None:
            self._inside.begin(self._tracer)

    def finish(self) -> None:
        """The script is over: the sample at hand is complete."""
        self._guard(self._leave_express)
        self._guard(self._complete)
        if not self._stepper.steps:
            self._findings.say(sample="none: no backward pass was seen in the main thread")
        self._findings.say(threads=self._other_threads)

    def resume(self) -> None:
        """After a stop before a sample's end: trace what is to come, if it is to be seen."""
        is_first = not self._stepper.steps and self._stepper.trace_next
        if is_first or self._stepper.is_followed:
            self._inside.resume(self._tracer, lambda: self._guard(self._trace))

    def leave(self) -> None:
        """Listen no more."""
        self._works = False
        self._pending = None
        self._express.drop()
        self._watch.end()
        tracer, self._tracer = self._tracer, None
        if tracer is not None:
            with contextlib.suppress(Exception):
                tracer.end()

    @unseen
    def _run_backward(self, outputs: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        if not self._is_heard():
            return self._engine(outputs, *args, **kwargs)
        pending, is_alike = None, False
        if kwargs.get("accumulate_grad", False):  # else it is a grad()
            is_alike = self._express.is_open and self._guard(self._express.takes, outputs, sys._getframe(1))
            if not is_alike:
                pending = self._guard(self._before_backward, outputs, sys._getframe(1))
        handles = self._guard(self._tracer.listen, outputs) if self._tracer else ()
        self._is_inside, self._updates_before, self._runs = True, self._updates.count, self._runs + 1
        try:
            result = self._engine(outputs, *args, **kwargs)
        finally:
            self._is_inside = False
            for handle in handles or ():
                handle.remove()
        if is_alike:
            self._guard(self._note_alike, outputs, sys._getframe(1))
        elif pending is not None:
            self._guard(self._after_backward, outputs, pending, sys._getframe(1))
        return result

    def _note_alike(self, outputs: Sequence[Any], frame: FrameType) -> None:
        if not self._express.notes(outputs):
            self._leave_express(outputs, frame)

    def _leave_express(self, outputs: Sequence[Any] = (), frame: FrameType | None = None) -> None:
        """Go on as with any other sample.

        Args:
            outputs: What the backward pass that is just over began from, if that was not noted.
            frame: What has called for it.
        """
        if not self._express.is_open:
            return
        kept = self._express.close()
        self._updates_until = self._updates.count - self._express.has_updated
        if kept is None:
            return
        pending = Pending(kept.around, self._sample_at, 0, self._updates.count)
        if kept.loss is not None:
            pending.loss, pending.is_watched = kept.loss, True
            self._pending = pending
        elif frame is not None:
            self._after_backward(outputs, pending, frame)

    def _is_heard(self) -> bool:
        """Whether an engine run is the user's: not one inside another, of another thread, or of a transform."""
        if threading.get_ident() != self._thread:
            self._other_threads = _OTHER_THREADS
            return False
        is_ours = self._stepper.questions.evaluator.is_at_work
        return (
            self._works
            and not self._is_inside
            and not is_ours
            and torch._C._functorch.maybe_current_level() is None
        )

    def _guard(self, work: Callable[..., Any], *values: Any) -> Any:
        """Do our own work; a bug of ours ends the listening, never the training."""
        try:
            return work(*values)
        except EOFError:
            os._exit(1)  # the session is gone: there is nobody left to tell
        except Exception as error:
            self.leave()
            with contextlib.suppress(OSError):
                self._channel.send(Found({"trouble": f"bptui stopped listening: {error!r}"}))
        return None

    def _before_backward(self, outputs: Sequence[Any], frame: FrameType) -> Pending:
        self._leave_express()
        if self._pending is not None and self._is_over(self._pending):
            self._complete()  # nobody says when it ends; its update is done by now
        around = look_around(frame)
        if isinstance(outputs[0], torch.Tensor) and not outputs[0].requires_grad:
            self._noticing.detached(frames_around(frame))
        if self._pending is not None:
            pending = Pending(around, self._sample_at, self._pending.backwards, self._pending.updates)
            pending.losses = losses.kept(self._pending.losses, self._pending.loss)
            self._parameters.widen(outputs)
            self._updates.expect(self._parameters.leaves)
            if self._statistics.is_measuring:
                leaves = leaves_under(outputs)
                self._noticing.backward(leaves)
                self._statistics.widen(leaves, pending.scope, frame)
            return pending
        is_due = self._stepper.trace_next or self._is_due()
        is_measured = is_due or self._stepper.may_stop
        began = time.perf_counter()
        self._parameters.begin(outputs, is_measured)
        spent = time.perf_counter() - began
        self._updates.expect(self._parameters.leaves)
        self._at_rest.begin(self._parameters.leaves)
        pending = Pending(around, self._sample_at, 0, self._updates.count)
        if is_measured:
            self._statistics.begin(self._parameters.leaves, is_due, pending.scope, frame)
            self._statistics.spend(spent)
            self._noticing.begin(self._updates.count > self._updates_until)
            self._noticing.backward(self._parameters.leaves)
        self._updates_until = self._updates.count
        return pending

    def _is_due(self) -> bool:
        """Whether statistics of parameters are."""
        return self._statistics.is_due(self._stepper.overhead / 2)

    def _is_over(self, pending: Pending) -> bool:
        """Whether the sample at hand was complete before the backward pass that begins now."""
        if pending.at == "loop":
            return not pending.is_watched
        if pending.at == "backward":
            return True
        self._updates.look(self._parameters.leaves)
        return self._updates.count > pending.updates

    def _after_backward(self, outputs: Sequence[Any], pending: Pending, frame: FrameType) -> None:
        if self._statistics.is_measuring:
            self._statistics.note_grads()
        if isinstance(outputs[0], torch.Tensor):
            with torch._C.DisableTorchFunction():
                pending.loss = self._losses.read(outputs[0])
            pending.scaling = self._loss_scale.in_words(outputs[0])
        around = pending.around
        is_numbered = self._epochs.see(around, frame)
        if around.loops and (pending.at == "loop" or not is_numbered):
            pending.is_watched = self._watch.watch(*around.loops[0], until_exit=not is_numbered)
        self._wanted.note()
        if self._is_update_to_come(pending):
            self._parameters.await_update()  # which may clip: one norm, not two
        else:
            self._parameters.note_grads()
        self._pending = pending
        if pending.at == "update" and self._updates.count > pending.updates:
            self._complete()  # the optimizer makes its steps within the backward pass

    def _is_update_to_come(self, pending: Pending) -> bool:
        """Whether an optimizer's step, or else the end of the sample, comes before the gradients are zeroed."""
        is_sure = pending.is_watched or pending.at == "update"
        is_made = self._is_stepping or self._updates.count > self._updates_before
        return is_sure and not is_made and not self._updates.is_by_hand

    def _before_step(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        if self._is_followed():
            self._watch.look_away()
            self._guard(self._expect_update, optimizer)

    def _is_followed(self) -> bool:
        """Whether a step of an optimizer is the training's."""
        return (
            threading.get_ident() == self._thread
            and self._works
            and not self._stepper.questions.evaluator.is_at_work
        )

    def _expect_update(self, optimizer: torch.optim.Optimizer) -> None:
        self._leave_express()
        self._is_stepping = True
        self._updates.expect_step(optimizer)
        self._rates.note(optimizer)
        self._wanted.note()
        if self._pending is not None and not self._is_inside:
            self._parameters.before_update(optimizer, is_unscaled=bool(self._pending.scaling))
        if self._statistics.is_measuring:
            self._statistics.before_update(optimizer)

    def _after_step(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        if self._is_followed():
            self._guard(self._note_update, optimizer)
            self._watch.look_back()

    def _note_update(self, optimizer: torch.optim.Optimizer) -> None:
        self._is_stepping = False
        self._noticing.updated(optimizer, self._runs)
        if self._statistics.is_measuring:
            self._statistics.after_update(optimizer)
        if self._pending is not None and not self._is_inside:
            self._parameters.after_update(optimizer)
        # An optimizer of each parameter's own, that makes its step as soon as there is a gradient: one update.
        self._updates.note_step(
            optimizer, counts=not self._is_inside or self._updates.count == self._updates_before
        )
        if self._pending is not None and self._pending.at != "loop" and not self._is_inside:
            self._complete()

    def _end_iteration(self) -> None:
        if self._express.has_sample:
            if self._express.completes():
                return
            self._leave_express()
        if self._pending is not None and self._pending.at == "loop":
            self._complete()

    def _complete(self) -> None:
        """The sample at hand is complete, after its update: keep it, and stop if that is asked for."""
        pending, self._pending = self._pending, None
        if pending is None or self._is_inside:
            return
        began = time.perf_counter()
        weight, after, grad = self._parameters.quantities()
        spent = time.perf_counter() - began
        self._at_rest.finish()
        self._updates.look(self._parameters.leaves, after)
        self._tell(pending)
        epochs = self._epochs
        epoch, index = epochs.place(pending)
        sample = Sample(
            epoch, index, pending.loss, grad=grad, weight=weight, weight_after=after,
            update_number=self._update_of(pending), samples=epochs.samples, epochs=epochs.epochs,
        )  # fmt: skip
        if self._statistics.is_measuring:
            self._finish_measuring(spent)
        self._stepper.say(self._rates.changed(self._stepper.steps))
        if pending.losses:
            self._stepper.say(losses.seen(self._stepper.steps, pending.losses, pending.loss))
        nodes = self._graph(sample, pending) if self._tracer else None
        site = pending.around.site
        row = self._reader.read_known(sample, site.line, site.path)
        self._stepper.visit(sample, row, nodes)
        if self._stepper.trace_next:
            self._trace()
        elif not self._is_stepping:
            self._express.open(pending, sample, row)

    def _finish_measuring(self, spent: float) -> None:
        """The sample was measured, for which so many seconds have been spent already."""
        measured = self._statistics.finish()
        began = time.perf_counter()
        self._stepper.keep(*measured)
        self._stepper.know(measured.parameters, self._statistics.tensors)
        self._noticing.complete(measured.parameters, self._statistics.tensors)
        self._statistics.spend(spent + time.perf_counter() - began)

    def _update_of(self, pending: Pending) -> Known | None:
        """The number of the sample's update, 0 without one; None as long as that is the sample's own number."""
        count, samples = self._updates.count, self._stepper.steps + 1
        # By hand, weights that stay as they are may have come to rest; micro-batches begin with the first.
        if count != samples and (not self._updates.is_by_hand or samples == 1):
            self._has_micro_batches = True
        return Known(count if count > pending.updates else 0, _COUNT) if self._has_micro_batches else None

    def _graph(self, sample: Sample, pending: Pending) -> tuple[Node, ...] | None:
        tracer, self._tracer = self._tracer, None
        assert tracer is not None
        tracer.end()
        if not self._stepper.wants_graph:
            return None
        nodes = tracer.graph(sample, pending.scope, *frames_around(sys._getframe()))
        self._stepper.keep_trace(tracer)
        return nodes

    def _trace(self) -> None:
        """Trace the next sample."""
        if self._tracer is None:
            stepper = self._stepper
            self._tracer = Tracer(
                self._tagger, lambda: stepper.stops_next, self._inside, lambda: stepper.keeps_next
            )
            if not self._is_compiled:
                self._tracer.begin()

    def _tell(self, pending: Pending) -> None:
        """Say how samples, epochs and updates were found, once for each way."""
        how = (
            pending.around.site,
            self._epochs.how,
            self._updates.found,
            pending.backwards,
            pending.scaling,
            self._other_threads,
        )
        if how != self._told:
            self._told = how
            self._findings.say(
                sample=pending.how(self._sample_at),
                epoch=self._epochs.in_words(),
                update=self._updates.found or "none seen yet",
                loss=pending.loss_in_words(),
                threads=self._other_threads,
            )

    def _on_compile(self) -> None:
        if self._works and self._stepper.is_ours:
            self._guard(self._keep_or_leave_out)

    def _keep_or_leave_out(self) -> None:
        if self._keeps_compile:
            if not self._is_compiled:
                stay_uncompiled()
            self._is_compiled = True
            self._tagger.end()  # a mode, even one that does nothing, has what is compiled compiled anew
        else:
            force_eager()
        self._findings.say(compile=KEPT if self._keeps_compile else EAGER)
