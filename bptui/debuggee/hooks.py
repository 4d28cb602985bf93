"""What bptui listens to in an unmodified script: backward passes, and the loop around them."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import PurePath
from types import FrameType
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from bptui.debuggee.epoch_counter import EpochCounter
from bptui.debuggee.graph import Tracer
from bptui.debuggee.loop_watch import LoopWatch
from bptui.debuggee.ops import OpTagger
from bptui.debuggee.own_socket import Lost
from bptui.debuggee.parameter_stats import ParameterStatistics
from bptui.debuggee.parameters import Parameters, leaves_under
from bptui.debuggee.rows import RowReader
from bptui.debuggee.stepper import Stepper
from bptui.debuggee.user_loops import Loops, UserLoop, look_around
from bptui.protocol import Channel, Doing, Found
from bptui.records import Node, Sample

_ENGINE = "_engine_run_backward"

_NO_SAMPLE = "each backward pass: no loop of your own stands around it"
_NO_EPOCH = "none found: no second loop stands around the samples"


class Hooks:
    """Turns backward passes into samples.

    A sample is one iteration of the innermost loop of the user's code around the backward call; where there is no
    such loop, one backward pass.
    """

    def __init__(self, stepper: Stepper, channel: Channel) -> None:
        self._stepper = stepper
        self._channel = channel
        self._is_inside = False
        self._works = True
        self._thread = threading.main_thread().ident
        self._parameters = Parameters()
        self._statistics = ParameterStatistics()
        self._pending: _Pending | None = None
        self._epochs = EpochCounter()
        self._watch = LoopWatch(lambda: self._guard(self._complete), self._epochs.leave)
        self._tracer: Tracer | None = None
        self._tagger = OpTagger()  # one for all: it may be told to end in the midst of an op
        self._told: tuple[UserLoop | None, UserLoop | None] = None, None
        self._has_told = False
        stepper.reader = RowReader()

    def install(self) -> None:
        """Listen from now on."""
        # Every Tensor.backward, autograd.backward and autograd.grad goes through this one global.
        self._engine = getattr(torch.autograd, _ENGINE)
        setattr(torch.autograd, _ENGINE, self._run_backward)
        register_optimizer_step_pre_hook(self._before_update)
        register_optimizer_step_post_hook(self._after_update)
        torch.compile = self._compile_eagerly(torch.compile)
        self._trace_if_wanted()
        self._channel.send(Found({"torch": str(torch.__version__)}), Doing("no backward pass yet"))

    def finish(self) -> None:
        """The script is over: the sample at hand is complete."""
        self._guard(self._complete)
        if not self._stepper.steps:
            self._channel.send(Found({"sample": "none: no backward pass was seen in the main thread"}))

    def leave(self) -> None:
        """Listen no more."""
        self._works = False
        self._pending = None
        self._watch.end()
        tracer, self._tracer = self._tracer, None
        if tracer is not None:
            with contextlib.suppress(Exception):
                tracer.end()

    def _run_backward(self, outputs: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        if not self._is_heard():
            return self._engine(outputs, *args, **kwargs)
        is_training = kwargs.get("accumulate_grad", False)  # else it is a grad()
        pending = self._guard(self._before_backward, outputs, sys._getframe(1)) if is_training else None
        handles = self._guard(self._tracer.listen, outputs) if self._tracer else ()
        self._is_inside = True
        try:
            result = self._engine(outputs, *args, **kwargs)
        finally:
            self._is_inside = False
            for handle in handles or ():
                handle.remove()
        if pending is not None:
            self._guard(self._after_backward, outputs, pending)
        return result

    def _is_heard(self) -> bool:
        """Whether an engine run is the user's: not one inside another, of another thread, or of a transform."""
        return (
            not self._is_inside
            and self._works
            and threading.get_ident() == self._thread
            and torch._C._functorch.maybe_current_level() is None
        )

    def _guard(self, work: Callable[..., Any], *values: Any) -> Any:
        """Do our own work; a bug of ours ends the listening, never the training."""
        try:
            return work(*values)
        except Lost:
            self.leave()
        except EOFError:
            os._exit(1)  # the session is gone: there is nobody left to tell
        except Exception as error:
            self.leave()
            with contextlib.suppress(OSError):
                self._channel.send(Found({"trouble": f"bptui stopped listening: {error!r}"}))
        return None

    def _before_backward(self, outputs: Sequence[Any], frame: FrameType) -> _Pending:
        if self._pending is not None and not self._pending.is_watched:
            self._complete()  # nobody says when its iteration ends; its update is done by now
        pending = _Pending(frame)
        if self._pending is None:
            is_due = self._stepper.trace_next or self._statistics.is_due(self._stepper.overhead / 2)
            is_measured = is_due or self._stepper.may_stop
            self._parameters.begin(outputs, is_measured)
            if is_measured:
                self._statistics.begin(self._parameters.leaves, pending.scope, is_due)
        else:
            self._parameters.widen(outputs)
            if self._statistics.is_measuring:
                self._statistics.widen(leaves_under(outputs), pending.scope)
        return pending

    def _after_backward(self, outputs: Sequence[Any], pending: _Pending) -> None:
        self._parameters.note_grads()
        self._statistics.note_grads()
        if isinstance(outputs[0], torch.Tensor):
            pending.loss = outputs[0].detach()
        numbered = self._epochs.see(pending.loops)
        if pending.loops:
            pending.is_watched = self._watch.watch(*pending.loops[0], until_exit=not numbered)
        self._pending = pending
        self._tell(pending.loops)

    def _before_update(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        self._watch.look_away()
        if self._pending is not None and self._is_heard():
            self._guard(self._parameters.before_update)
        if self._statistics.is_measuring and self._works:
            self._guard(self._statistics.before_update, optimizer)

    def _after_update(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        if self._statistics.is_measuring and self._works:
            self._guard(self._statistics.after_update, optimizer)
        self._watch.look_back()

    def _complete(self) -> None:
        """The sample at hand is complete, after its update: keep it, and stop if that is asked for."""
        pending, self._pending = self._pending, None
        if pending is None or self._is_inside:
            return
        epoch, index = self._epochs.place()
        weight, after, grad = self._parameters.quantities()
        sample = Sample(epoch, index, pending.loss, grad=grad, weight=weight, weight_after=after)
        if (measured := self._statistics.finish()) is not None:
            self._stepper.keep(*measured)
        nodes = self._graph(sample, pending) if self._tracer else None
        self._stepper.visit(sample, pending.line, pending.path, nodes)
        self._trace_if_wanted()

    def _graph(self, sample: Sample, pending: _Pending) -> tuple[Node, ...]:
        tracer, self._tracer = self._tracer, None
        assert tracer is not None
        tracer.end()
        return tracer.graph(sample, pending.scope)

    def _trace_if_wanted(self) -> None:
        if self._stepper.trace_next and self._tracer is None:
            self._tracer = Tracer(self._tagger)
            self._tracer.begin()

    def _tell(self, loops: Loops) -> None:
        """Say how samples and epochs were found, once for each way."""
        first = loops[0][1] if loops else None
        second = loops[1][1] if len(loops) > 1 else None
        if first is not self._told[0] or second is not self._told[1] or not self._has_told:
            self._told, self._has_told = (first, second), True
            facts = {"sample": _found(first) or _NO_SAMPLE, "epoch": _found(second) or _NO_EPOCH}
            self._channel.send(Found(facts))

    def _compile_eagerly(self, compile_: Callable[..., Any]) -> Callable[..., Any]:
        """torch.compile that leaves the ops as they are: what was compiled can not be stepped."""

        def compile_eagerly(*args: Any, **kwargs: Any) -> Any:
            if self._works and self._stepper.is_ours:
                self._guard(self._force_eager)
            return compile_(*args, **kwargs)

        compile_eagerly.__wrapped__ = compile_  # type: ignore[attr-defined]
        return compile_eagerly

    def _force_eager(self) -> None:
        torch.compiler.set_stance("force_eager")
        self._channel.send(Found({"compile": "torch.compile is left out: compiled code can not be stepped"}))


class _Pending:
    """A backward pass whose sample is not complete yet."""

    __slots__ = ("is_watched", "line", "loops", "loss", "path", "scope")

    def __init__(self, caller: FrameType) -> None:
        self.loss: torch.Tensor | None = None
        own, self.line, self.loops = look_around(caller)
        self.is_watched = False
        self.scope = self.loops[0][0] if self.loops else own
        self.path = own.f_code.co_filename


def _found(loop: UserLoop | None) -> str:
    if loop is None:
        return ""
    variable = f", variable {loop.target}" if loop.target else ""
    return f"the loop at {PurePath(loop.path).name}:{loop.header}{variable}"
