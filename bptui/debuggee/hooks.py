"""What bptui listens to in an unmodified script: backward passes, and the loop around them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import PurePath
from types import FrameType
from typing import Any

import torch

from bptui.debuggee.graph import Tracer
from bptui.debuggee.parameters import Parameters
from bptui.debuggee.rows import RowReader
from bptui.debuggee.stepper import Stepper
from bptui.debuggee.user_loops import Loops, UserLoop, is_own, loops_around
from bptui.protocol import Channel, Doing, Found
from bptui.records import Node, Place, Sample

_ENGINE = "_engine_run_backward"


class Hooks:
    """Turns backward passes into samples.

    A sample is one iteration of the innermost loop of the user's code around the backward call; where there is no
    such loop, one backward pass. An epoch is one run of that loop: the value of the next outer loop's variable if
    that is a whole number, else their count.
    """

    def __init__(self, stepper: Stepper, channel: Channel) -> None:
        self._stepper = stepper
        self._channel = channel
        self._depth = 0
        self._works = True
        self._thread = threading.get_ident()
        self._parameters = Parameters()
        self._pending: _Pending | None = None
        self._epochs = _EpochCounter()
        self._tracer: Tracer | None = None
        self._told: dict[str, str] = {}
        stepper.reader = RowReader()

    def install(self) -> None:
        """Listen from now on."""
        # Every Tensor.backward, autograd.backward and autograd.grad goes through this one global.
        self._engine = getattr(torch.autograd, _ENGINE)
        setattr(torch.autograd, _ENGINE, self._run_backward)
        self._trace_if_wanted()
        self._channel.send(Found({"torch": str(torch.__version__)}), Doing("no backward pass yet"))

    def finish(self) -> None:
        """The script is over: the sample at hand is complete."""
        self._guard(self._complete)

    def _run_backward(self, outputs: Sequence[torch.Tensor], *args: Any, **kwargs: Any) -> Any:
        if not self._is_training(**kwargs):
            return self._engine(outputs, *args, **kwargs)
        self._guard(self._before_backward, outputs)
        self._depth += 1
        try:
            result = self._engine(outputs, *args, **kwargs)
        finally:
            self._depth -= 1
        self._guard(self._after_backward, outputs, sys._getframe(1))
        return result

    def _is_training(self, accumulate_grad: bool = False, **_: Any) -> bool:
        """Whether an engine run is a backward pass of the training: no grad(), nothing nested."""
        outermost = not self._depth and threading.get_ident() == self._thread
        return accumulate_grad and outermost and self._works and self._stepper.is_ours and not _in_transform()

    def _guard(self, work: Callable[..., None], *values: Any) -> None:
        """Do our own work; a bug of ours ends the listening, never the training."""
        try:
            work(*values)
        except (EOFError, OSError):
            os._exit(1)  # the session is gone: there is nobody left to tell
        except Exception as error:
            self._works = False
            self._channel.send(Found({"trouble": f"bptui stopped listening: {error!r}"}))

    def _before_backward(self, outputs: Sequence[torch.Tensor]) -> None:
        if self._pending is not None and not self._pending.is_watched:
            self._complete()  # nobody says when its iteration ends; its update is done by now
        if self._pending is None:
            self._parameters.find(outputs)
            self._parameters.note_weights()

    def _after_backward(self, outputs: Sequence[torch.Tensor], frame: FrameType) -> None:
        self._parameters.note_grads()
        loops = loops_around(frame)
        loss = outputs[0].detach() if len(outputs) else None
        self._pending = _Pending(loss, frame, loops, is_watched=bool(loops) and self._watch(*loops[0]))
        self._tell(loops)

    def _watch(self, frame: FrameType, loop: UserLoop) -> bool:
        """Have the interpreter say when the loop begins its next iteration, if nobody else has its ear."""

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            if (event == "line" and frame.f_lineno in loop.lines) or event == "return":
                self._guard(self._complete)
            return trace

        if sys.gettrace() is None:
            sys.settrace(_trace_nothing)
        if sys.gettrace() is not _trace_nothing:
            return False
        if frame.f_trace is None:
            frame.f_trace = trace
        return True

    def _complete(self) -> None:
        """The sample at hand is complete, after its update: keep it, and stop if that is asked for."""
        pending, self._pending = self._pending, None
        if pending is None or self._depth or not self._stepper.is_ours:
            return
        epoch, index = self._epochs.place(pending.loops)
        weight, after, grad = self._parameters.quantities()
        sample = Sample(epoch=epoch, index=index, loss=pending.loss, grad=grad, weight=weight, weight_after=after)
        nodes = self._graph(sample, pending.frame)
        self._stepper.visit(sample, pending.place.line, pending.place.path, nodes)
        self._trace_if_wanted()

    def _graph(self, sample: Sample, frame: FrameType) -> tuple[Node, ...] | None:
        tracer, self._tracer = self._tracer, None
        if tracer is None:
            return None
        tracer.__exit__()
        return tracer.graph(sample, frame)

    def _trace_if_wanted(self) -> None:
        if self._stepper.trace_next and self._tracer is None:
            self._tracer = Tracer().__enter__()

    def _tell(self, loops: Loops) -> None:
        """Say how samples and epochs were found, once for each way."""
        facts = {"sample": _found(loops[:1]) or "each backward pass: no loop of your own stands around it"}
        facts["epoch"] = _found(loops[1:2]) or "none found: no second loop stands around the samples"
        if facts != self._told:
            self._told = facts
            self._channel.send(Found(facts))


class _Pending:
    """A backward pass whose sample is not complete yet."""

    def __init__(
        self,
        loss: torch.Tensor | None,
        frame: FrameType,
        loops: Loops,
        is_watched: bool,
    ) -> None:
        self.loss = loss
        self.is_watched = is_watched
        self.loops = loops
        self.frame = loops[0][0] if loops else _own_frame(frame)
        self.place = Place(self.frame.f_code.co_filename, self.frame.f_lineno)


class _EpochCounter:
    """Numbers samples within epochs."""

    def __init__(self) -> None:
        self._key: object = None
        self._epoch = -1
        self._index = 0

    def place(self, loops: Loops) -> tuple[int, int]:
        """(epoch, index) of the sample whose loops these are."""
        key, number = self._outer(loops)
        if key != self._key or self._epoch < 0:
            self._key, self._index = key, 0
            self._epoch = number if number is not None else self._epoch + 1
        else:
            self._index += 1
        return self._epoch, self._index

    def _outer(self, loops: Loops) -> tuple[object, int | None]:
        if len(loops) < 2:
            return None, None
        frame, loop = loops[1]
        value = frame.f_locals.get(loop.target) if loop.target else None
        if isinstance(value, int) and value >= 0:
            return (loop, value), int(value)
        # The inner loop's frame is new in every epoch if it is a function of its own.
        return (loop, id(loops[0][0])), None


def _in_transform() -> bool:
    """Whether a torch.func transform is at work: its engine runs are no training."""
    return torch._C._functorch.maybe_current_level() is not None


def _own_frame(frame: FrameType) -> FrameType:
    found: FrameType | None = frame
    while found is not None and not is_own(found.f_code.co_filename):
        found = found.f_back
    return found or frame


def _found(loops: Loops) -> str:
    if not loops:
        return ""
    _, loop = loops[0]
    variable = f", variable {loop.target}" if loop.target else ""
    return f"the loop at {PurePath(loop.code.co_filename).name}:{loop.header}{variable}"


def _trace_nothing(frame: FrameType, event: str, argument: object) -> None:
    return None
