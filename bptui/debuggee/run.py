"""Runs one loop under the stepper, from loading it to its end."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Sequence
from types import FrameType, GeneratorType
from typing import Any

import torch

from bptui.debuggee import nudges
from bptui.debuggee.console import Console
from bptui.debuggee.copying import Copying
from bptui.debuggee.frames import StackReader, calls_of, users_call
from bptui.debuggee.graph import Tracer
from bptui.debuggee.inside import Inside
from bptui.debuggee.noticing import Noticing
from bptui.debuggee.own_channel import open_ring
from bptui.debuggee.parameter_table import ParameterTable
from bptui.debuggee.parameters import leaves_under
from bptui.debuggee.places import describe, user_traceback
from bptui.debuggee.refusal import Refusal
from bptui.debuggee.rows import RowReader
from bptui.debuggee.samples import BadSample, as_sample
from bptui.debuggee.stepper import Quitting, Stepper
from bptui.debuggee.target import Loop, load
from bptui.protocol import Channel, Ended, Fork, Loaded, Refused


def run(fork: Fork, channel: Channel, memory: int) -> int:
    """Load the target, run it as commanded, and say how it ended.

    Args:
        fork: What to run.
        channel: To the session.
        memory: The fd of what is shared with it.

    Returns:
        The exit code that the target would have had by itself.
    """
    console = Console(lambda: stepper.producing)
    stepper = Stepper(channel, open_ring(memory, channel), console)
    try:
        loop = load(fork.target, fork.arguments)
    except Refusal as refusal:
        console.flush()
        channel.send(Refused(str(refusal), refusal.traceback, refusal.code))
        return refusal.code
    channel.send(Loaded(loop.target, loop.source))
    stepper.inspector.load()
    stepper.stack = StackReader(lambda: calls_of(loop.generator))
    stepper.quantities.scope = lambda: loop.generator.gi_frame.f_locals if loop.generator.gi_frame else {}
    if fork.checkpoints:
        Copying(fork.checkpoints, fork.threads).prepare(channel)
        stepper.checkpoints.begin(fork.checkpoints, fork.threads)
    ended = _run(loop, stepper)
    stepper.flush()
    atexit._run_exitfuncs()
    console.flush()
    channel.send(ended)
    return ended.code


def _run(loop: Loop, stepper: Stepper) -> Ended:
    try:
        _run_to_the_end(loop, stepper)
    except Quitting:
        return Ended("quit")
    except BadSample as error:
        return Ended(f"sample {stepper.steps + 1}: {error}", code=2)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        return Ended(f"sys.exit({error.code!r})", code=code & 0xFF)
    except BaseException as error:
        if _is_ours(error):
            os._exit(1)  # the session is gone: there is nobody left to tell
        stepper.fail(error)
        return Ended(describe(error), user_traceback(error), 1)
    return Ended()


def _run_to_the_end(loop: Loop, stepper: Stepper) -> None:
    try:
        stepper.wait()
        _visit_all(loop, stepper)
    except BadSample as error:
        stepper.fail(error)  # while the loop still stands at its yield
        raise
    finally:
        loop.generator.close()  # its own clean-up, before anything is said of the end


def _visit_all(loop: Loop, stepper: Stepper) -> None:
    samples = _Samples(loop.generator, stepper)
    reader = stepper.reader = RowReader()
    stepper.resume = samples.resume
    nudges.listen(stepper, lambda: stepper.is_ours, lambda: loop.generator.gi_frame)
    for item in samples:
        sample = as_sample(item)
        frame, line = users_call(loop.generator)
        tracer, samples.tracer = samples.tracer, None
        nodes = tracer.graph(sample, frame) if tracer and stepper.wants_graph else None
        if nodes is not None:
            samples.notice(frame)
        stepper.keep_trace(tracer)
        tracer = None  # with the tensors that it holds
        stepper.visit(sample, reader.read(sample, line, frame.f_code.co_filename), nodes)


class _Samples:
    """What a loop yields, one by one.

    Attributes:
        tracer: Has recorded the last one, or its rest; None if nobody has.
    """

    def __init__(self, generator: GeneratorType[Any, Any, Any], stepper: Stepper) -> None:
        self._generator = generator
        self._stepper = stepper
        self._inside = Inside(stepper, lambda: generator.gi_frame)
        self._noticing = Noticing(stepper.say, lambda: stepper.steps)
        self._table = ParameterTable()
        self._leaves: dict[int, torch.Tensor] = {}
        self.tracer: Tracer | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self.tracer = None
        if self._stepper.trace_next:
            self._trace()
        try:
            return next(self._generator)
        except Exception as error:
            self._noticing.failed(error)
            raise
        finally:
            if self.tracer is not None:
                self.tracer.__exit__()

    def resume(self) -> None:
        """After a stop in the midst of a sample: trace its rest, if one is to step inside it."""
        if self._stepper.is_followed:
            self._inside.resume(self.tracer, self._trace)

    def notice(self, frame: FrameType) -> None:
        """Look at the sample that was traced last, whose leaves have their names in this frame."""
        if self._leaves:
            self._table.reach([*self._leaves.values()], frame)
            self._noticing.complete(self._table.parameters, self._table.tensors)

    def _trace(self) -> None:
        self._leaves = {}
        self._noticing.begin()
        self.tracer = Tracer(
            explains=lambda: self._stepper.stops_next,
            inside=self._inside,
            keeps=lambda: self._stepper.keeps_next,
            on_backward=self._on_backward,
        )
        self.tracer.__enter__()

    def _on_backward(self, outputs: Sequence[Any]) -> None:
        leaves = leaves_under(outputs)
        self._leaves |= {id(leaf): leaf for leaf in leaves}
        self._noticing.backward(leaves)


def _is_ours(error: BaseException) -> bool:
    """Whether an I/O error comes from our channel and not from the user's code."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    is_channel = last is not None and last.tb_frame.f_globals.get("__name__") == "bptui.protocol.framing"
    return is_channel and isinstance(error, EOFError | OSError)
