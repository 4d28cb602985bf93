"""Stops inside a sample: after an op, after a node, around the step of an optimizer."""

from __future__ import annotations

import base64
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch._C._autograd import _get_sequence_nr
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from bptui.debuggee.error_line import error_line
from bptui.debuggee.graph import UNNAMED, op_name
from bptui.debuggee.inside_parts import (
    Argument,
    Parts,
    arguments_of,
    function_name,
    is_getter,
    is_in_place,
    tensors_in,
)
from bptui.debuggee.live import Found
from bptui.debuggee.module_calls import Call
from bptui.debuggee.module_paths import ModulePaths
from bptui.debuggee.names import Names
from bptui.debuggee.nodes import is_leaf, nodes_behind
from bptui.debuggee.nonfinite import Inputs, Kind, NonFinite
from bptui.debuggee.ops import TAG, UNHEARD, flat, node_of
from bptui.debuggee.optimizer_parts import OptimizerParts
from bptui.debuggee.places import user_place
from bptui.debuggee.user_loops import frames_around
from bptui.explain.names import plain_name
from bptui.protocol import InsideSeen, pack_graph
from bptui.protocol.messages import Granularity
from bptui.records import InsideStop, Node, Part, Phase

if TYPE_CHECKING:
    from bptui.debuggee.graph import Tracer
    from bptui.debuggee.stepper import Stepper


@dataclass(frozen=True, slots=True)
class _Here:
    """An op or node at which it may stop.

    Attributes:
        phase: In which part of the sample.
        call: The module's call in which it is.
        names: What it is called: the function and the op of its node, or the node.
        value: What came out of an op.
        grad: The gradient that came to a node.
        node: The node of a backward pass.
    """

    phase: Phase
    call: Call | None
    names: tuple[str, ...] = ()
    value: Any = None
    grad: Any = None
    node: Any = None


class _Names(str):
    """The name of an op, which is equal to each of the names that it has."""

    _all: tuple[str, ...]

    def __new__(cls, names: tuple[str, ...]) -> _Names:
        self = super().__new__(cls, names[0] if names else "")
        self._all = names
        return self

    def __eq__(self, other: object) -> bool:
        return other in self._all

    def __ne__(self, other: object) -> bool:
        return other not in self._all

    __hash__ = str.__hash__


def _first(values: Sequence[Any]) -> Any:
    return next((each for each in values if each is not None), None)


class Inside:
    """Follows a sample op by op and node by node, while a step may end inside it.

    It listens through the sample's `Tracer`: `begin` and `end` with it, `call` around every op, `listen` before
    every backward pass.
    """

    def __init__(self, stepper: Stepper, scope: Callable[[], FrameType | None] = lambda: None) -> None:
        """Follow nothing yet.

        Args:
            stepper: Says how far to go, and stops.
            scope: The frame of the loop, in which leaves have their names, where there is one.
        """
        self._stepper = stepper
        self._scope = scope
        self._tracer: Tracer | None = None
        self._hooks: list[Any] = []
        self._thread = threading.main_thread().ident
        self._forget()

    def _forget(self) -> None:
        self._made: dict[Any, None] = {}  # the nodes of all ops so far
        self._first = 0  # the sequence number of the first of them that can be the sample's
        self._rows: dict[Any, int] = {}
        self._pass = _Pass(self, ())
        self._passes = 0
        self._counts: dict[Phase, int] = {"forward": 0, "backward": 0, "update": 0}
        self._phase: tuple[Phase, int] = ("forward", 0)
        self._stopped_in: tuple[Phase, int] | None = None
        self._from: Call | None = None
        self._until: Any = None
        self._error: BaseException | None = None
        self._optimizer: OptimizerParts | None = None
        self._step_inputs: Inputs | None = None
        self._hit: tuple[int, ...] = ()
        self._arrivals = 0
        self._is_whole = True  # it is followed from the sample's first op on
        self._known: tuple[Names, ModulePaths] | None = None  # of this sample, once they are asked for
        self._nonfinite: NonFinite | None = None
        self._is_sought = False
        self._sought = ""  # how the user calls it, if that is not as the stop is called

    def begin(self, tracer: Tracer) -> None:
        """A sample begins, or goes on after a stop, that may have a stop inside."""
        if not self._stepper.is_followed:
            return
        if self._tracer is not None:
            self._aim()
            return
        self._forget()
        self._first = _get_sequence_nr()
        self._tracer = tracer
        sought = self._stepper.sought
        self._nonfinite = None if sought is None else NonFinite(sought)
        tracer.tagger.around = self.call
        self._hooks = [
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        self._aim()

    def resume(self, tracer: Tracer | None, trace: Callable[[], object]) -> None:
        """After a stop in the midst of a sample, follow its rest; `trace` begins to, if nothing does yet.

        A mode of the training's own would end before ours.
        """
        is_begun = self._tracer is not None
        if tracer is not None:
            self.begin(tracer)
        elif torch._C._len_torch_function_stack() == 0:
            trace()
        self._is_whole = self._is_whole and is_begun

    def end(self) -> None:
        """The sample is complete."""
        if self._tracer is None:
            return
        if self._nonfinite is not None:
            self._stepper.find(self._nonfinite.first())
        self._tracer.tagger.around = None
        for hook in self._hooks:
            hook.remove()
        self._tracer = None
        self._forget()

    # -- forward, and updates by hand ------------------------------------------------------------------

    def call(self, record: Callable[..., Any], func: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
        """Have an op called and recorded, and stop after it if that is where the step ends, or if it raises."""
        if not self._is_followed() or is_getter(func):
            return record(func, args, kwargs)
        self._guard(self._notice, args, kwargs)
        if not self._is_followed():  # from a stop there it went on to the sample's end
            return record(func, args, kwargs)
        before = arguments_of(args, kwargs) if self._is_kept(func, kwargs) else ()
        inputs = self._look_before((*args, *(kwargs or {}).values()))
        try:
            out = record(func, args, kwargs)
        except Exception as error:
            if error is not self._error:
                before = before or arguments_of(args, kwargs)
                self._guard(self._raised, function_name(func), before, error)
            raise
        if inputs is not None:
            self._guard(self._look_after, inputs, args[:1] if out is None else (out,), function_name(func))
        self._guard(self._done, func, lambda: before or arguments_of(args, kwargs), out)
        return out

    def _look_before(self, values: Iterable[Any]) -> Inputs | None:
        """What of the inputs of an op is not finite, if that is looked for."""
        is_own = self._optimizer is not None and not torch.is_grad_enabled()
        return None if self._nonfinite is None or is_own else self._nonfinite.before(values)

    def _look_after(
        self, inputs: Inputs, out: Iterable[Any], name: str = "", node: Any = None, kind: Kind = "op"
    ) -> None:
        if self._nonfinite is not None:
            self._is_sought, self._sought = self._nonfinite.after(inputs, out, node, kind), name

    def _is_kept(self, func: Any, kwargs: Mapping[str, Any] | None) -> bool:
        """Whether what goes into an op has to be read before it: one in place overwrites it."""
        if self._optimizer is not None and not torch.is_grad_enabled():
            return False  # the optimizer's own: no stop is there
        may_stop = self._stepper.conditions.at_ops or self._nonfinite is not None
        return self._stepper.may_end_inside or (may_stop and is_in_place(func, kwargs))

    def _is_followed(self) -> bool:
        is_on = self._tracer is not None and self._stepper.is_followed
        return is_on and threading.get_ident() == self._thread

    def _guard(self, work: Callable[..., Any], *values: Any) -> None:
        """Do our own work; a bug of ours ends the following, never the training."""
        try:
            work(*values)
        except (EOFError, OSError):
            os._exit(1)  # the session is gone: there is nobody left to tell
        except Exception as error:
            self.end()
            self._stepper.wait(f"bptui can not step inside: {error!r}", is_amid=True)

    def _notice(self, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> None:
        """What is used now may have been made unheard, by a Function of the user's own: stop there, too."""
        assert self._tracer is not None
        tagger, values = self._tracer.tagger, tuple(flat((*args, *(kwargs or {}).values())))
        tagger.note(values)
        for value in values:
            node = node_of(value)
            if node is None or node in self._made or is_leaf(node) or node._sequence_nr() < self._first:
                continue
            here = _Here("forward", self._call_now(), (op_name(node.name()),), value)
            self._look_at_unheard(node, value)
            if self._arrives(here, made=self._make([node])):
                given = self._given(node)
                self._stop_at_op("forward", op_name(node.name()), arguments_of(*given), value, node)

    def _given(self, node: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the call that made a node."""
        kept = self._tracer.tagger.kept if self._tracer is not None else None
        return kept.arguments_of(node) if kept is not None else ((), {})

    def _look_at_unheard(self, node: Any, value: Any) -> None:
        if self._nonfinite is not None and not self._nonfinite.knows(node):
            args, kwargs = self._given(node)
            self._look_after(self._nonfinite.before((*args, *kwargs.values())), (value,), node=node)

    def _make(self, new: list[Any]) -> range:
        """Take up the nodes that an op has made; which they are, counted from 1."""
        known = len(self._made)
        self._made |= dict.fromkeys(n for n in nodes_behind(new, self._made) if not is_leaf(n))
        return range(known + 1, len(self._made) + 1)

    def _done(self, func: Any, before: Callable[[], tuple[Argument, ...]], out: Any) -> None:
        tensors = tensors_in(out)
        nodes = [node for each in tensors if (node := node_of(each)) is not None]
        new = [node for node in nodes if node not in self._made]
        if new:
            names = (function_name(func), op_name(new[0].name()))
            if self._arrives(_Here("forward", self._call_now(), names, out), made=self._make(new)):
                self._stop_at_op("forward", op_name(new[0].name()), before(), out, new[0])
        elif (is_by_hand := self._is_by_hand(tensors, nodes)) or self._is_sought:
            self._is_whole = self._is_whole and is_by_hand
            phase: Phase = "update" if self._passes else "forward"
            if self._arrives(_Here(phase, self._call_now(), (function_name(func),), out)):
                self._stop_at_op(phase, function_name(func), before(), out, None)

    def _is_by_hand(self, tensors: list[Any], nodes: list[Any]) -> bool:
        """Whether it is an update by hand; before any backward pass validation, or data: only a pause stops."""
        is_ours = bool(tensors) and not nodes and self._optimizer is None
        return is_ours and (self._passes > 0 or self._stepper.is_pausing())

    def _call_now(self) -> Call | None:
        return self._tracer.tagger.call if self._tracer else None

    def _raised(self, op: str, before: tuple[Argument, ...], error: BaseException) -> None:
        self._error = error
        phase: Phase = "update" if self._passes and not torch.is_grad_enabled() else "forward"
        self._counts[phase] += 1
        self._stop_at_op(phase, op, before, (), None, error)

    def _stop_at_op(
        self, phase: Phase, op: str, before: tuple[Argument, ...], out: Any, node: Any,
        error: BaseException | None = None,
    ) -> None:  # fmt: skip
        rows = self._build()
        parts = Parts(rows, self._rows, self._frames())
        found = [*parts.inputs(before), *parts.outputs(out)]
        self._stop(phase, op, node, rows, found, error=error)

    # -- backward --------------------------------------------------------------------------------------

    def listen(self, outputs: Sequence[Any], nodes: list[Any]) -> list[Any]:
        """Follow the backward pass that is about to begin; the handles are to be removed after it."""
        if not self._is_followed() or self._pass.nodes:
            return []
        self._guard(self._notice, outputs)
        if not self._is_followed():
            return []
        if self._nonfinite is not None:
            self._nonfinite.begin_backward(outputs)
        self._pass = _Pass(self, nodes)
        self._passes += 1
        self._counts["backward"] = 0
        return [*self._pass.hooks(), self._pass]

    def node_done(self, node: Any, into: tuple[Any, ...], came: tuple[Any, ...]) -> None:
        """A node has computed the gradients of its inputs from those of its outputs."""
        if self._is_followed():
            self._guard(self._pass_node, node, into, came)
        else:
            self._counts["backward"] += 1

    def _pass_node(self, node: Any, into: tuple[Any, ...], came: tuple[Any, ...]) -> None:
        call = node.metadata.get(TAG, UNHEARD).call
        where = self._from if is_leaf(node) else call
        self._is_sought = self._nonfinite is not None and self._nonfinite.node(node, into, came)
        self._sought = ""
        if self._arrives(_Here("backward", where, (plain_name(node),), grad=_first(came), node=node)):
            rows = self._build()
            parts = Parts(rows, self._rows, self._frames())
            found = [*parts.gradients(node, into, came), *parts.leaves(self._pass.leaves())]
            self._stop("backward", plain_name(node), node, rows, found)

    def node_raised(self, node: Any, error: BaseException) -> None:
        """A node has raised, as the innermost of what is under way."""
        if self._is_followed() and error is not self._error:
            self._guard(self._stop_at_raising, node, error)

    def _stop_at_raising(self, node: Any, error: BaseException) -> None:
        self._error = error
        self._counts["backward"] += 1
        rows = self._build()
        row = self._rows.get(node)
        grad = rows[row].grad if row is not None else None
        self._stop(
            "backward", plain_name(node), node, rows, [(Part("gradient in", "output", grad), None)], error=error
        )

    # -- updates by an optimizer -----------------------------------------------------------------------

    def _before_step(self, optimizer: Any, *_: object) -> None:
        if self._is_followed() and self._optimizer is None:
            self._guard(self._begin_step, optimizer)

    def _begin_step(self, optimizer: Any) -> None:
        self._step_inputs = self._look_before(_parameters(optimizer))
        self._optimizer = OptimizerParts(optimizer, self._frames())
        if self._arrives(_Here("update", None, (f"{self._optimizer.name}.step",))):
            self._stop_at_step("before", self._optimizer.before())

    def _after_step(self, optimizer: Any, *_: object) -> None:
        parts, self._optimizer = self._optimizer, None
        if self._is_followed() and parts is not None and parts.is_of(optimizer):
            if self._step_inputs is not None:
                self._guard(self._look_after, self._step_inputs, _parameters(optimizer), "", None, "update")
            self._guard(self._end_step, parts)

    def _end_step(self, parts: OptimizerParts) -> None:
        if self._arrives(_Here("update", None)):
            self._optimizer = parts
            try:
                self._stop_at_step("after", parts.after())
            finally:
                self._optimizer = None

    def _stop_at_step(self, when: str, parts: list[Found]) -> None:
        assert self._optimizer is not None
        rows = self._build()
        name = f"{when} {self._optimizer.name}.step"
        self._stop("update", name, None, rows, parts, left_out=self._optimizer.left_out)

    # -- where to stop ---------------------------------------------------------------------------------

    def _arrives(self, here: _Here, made: range = range(0)) -> bool:
        """Count an op or node; whether the step ends here, or a breakpoint stops."""
        self._counts[here.phase] += 1
        self._arrivals += 1
        if here.phase != "forward" or not self._passes:
            self._phase = (here.phase, self._passes)
        self._stepper.meet(f"{self._phase[0]} {self._phase[1]}")
        self._hit = self._stepper.hits_inside(self._quantities(here)) if self._stepper.conditions.at_ops else ()
        step = self._stepper.inside
        if step is None or self._passes_by(step.granularity, here, made):
            return self._is_sought or bool(self._hit) or self._stepper.is_pausing()
        if step.granularity == "phase":
            self._stopped_in = self._phase
        return self._stepper.arrive() or self._is_sought or bool(self._hit)

    def _passes_by(self, granularity: Granularity, here: _Here, made: range) -> bool:
        """Whether an op or node is none of those that a step of this granularity counts."""
        match granularity:
            case "phase":
                return self._phase == self._stopped_in
            case "module":
                return self._is_within(here.call)
            case "row":
                return not ((here.node is not None and here.node is self._until) or self._until in made)
        return False

    def _quantities(self, here: _Here) -> dict[str, Callable[[], Any]]:
        """What the conditions of breakpoints may ask about an op or node."""
        return {
            "phase": lambda: here.phase,
            "op": lambda: _Names(here.names),
            "module": lambda: self._named()[1].of(here.call).module,
            "leaf": lambda: self._leaf(here.node),
            "value": lambda: _first(tensors_in(here.value)),
            "grad": lambda: here.grad,
        }

    def _leaf(self, node: Any) -> str:
        if node is None or not is_leaf(node):
            return ""
        return self._named()[0].of(node.variable) or UNNAMED

    def _named(self) -> tuple[Names, ModulePaths]:
        """The names of this sample, found when they are first asked for."""
        if self._known is None:
            names = Names(self._frames())
            self._known = names, ModulePaths(names)
        return self._known

    def _is_within(self, call: Call | None) -> bool:
        """Whether a call is that of the module to be finished, or inside it; outside of any, all is inside."""
        if self._from is None:
            return self._phase == self._stopped_in
        each = call
        while each is not None and each is not self._from:
            each = each.around
        return each is not None and self._phase == self._stopped_in

    def _aim(self) -> None:
        """Take up the step that was commanded."""
        step = self._stepper.inside
        self._until = None
        if step is not None and step.granularity == "row":
            at = step.count - 1
            self._until = next((node for node, row in self._rows.items() if row == at), None)
            if not self._rows:
                self._until = sum(each.kind == "op" for each in self._stepper.shown[: at + 1]) or step.count

    # -- what is seen there ----------------------------------------------------------------------------

    def _frames(self) -> list[FrameType]:
        scope = self._scope()
        around = frames_around(sys._getframe())[::-1]
        return [scope, *(frame for frame in around if frame is not scope)] if scope else around

    def _build(self) -> tuple[Node, ...]:
        assert self._tracer is not None
        rows, self._rows = self._tracer.so_far(self._made, self._frames())
        self._stepper.inspector.live.rows = self._tracer.rows
        return rows

    def _stop(
        self, phase: Phase, op: str, node: Any, rows: tuple[Node, ...], parts: list[Found], left_out: int = 0,
        error: BaseException | None = None,
    ) -> None:  # fmt: skip
        at = self._rows.get(node, -1) if node is not None else -1
        row = rows[at] if at >= 0 else None
        tag = node.metadata.get(TAG, UNHEARD) if node is not None else UNHEARD
        total = len(self._pass.nodes) if phase == "backward" else 0
        stop = InsideStop(
            self._stepper.steps, phase, self._counts[phase], total, op, at,
            (row.place if row else tag.place) or user_place(), row.module if row else "",
            tuple(part for part, _ in parts), left_out,
            "" if error is None else error_line(error), tag.frames if phase == "backward" else (),
        )  # fmt: skip
        seen = InsideSeen(stop, base64.b64encode(pack_graph(rows)).decode())
        self._stopped_in = self._phase
        self._from = tag.call or (self._call_now() if phase == "forward" else None)
        self._stepper.inspector.live.parts = parts
        study = self._tracer.study if self._tracer else None
        hit, self._hit = self._hit, ()
        arrival = self._arrivals if self._is_whole else 0
        reason = self._first_in_words(op) if self._is_sought else stop.error
        self._stepper.wait(reason, is_amid=True, inside=seen, study=study, hit=hit, arrival=arrival)
        self._aim()

    def _first_in_words(self, op: str) -> str:
        """Why it is here that a number was first not finite, where that was looked for; it is found by now."""
        first = self._nonfinite.here if self._nonfinite is not None else None
        self._nonfinite, self._is_sought = None, False
        return first.in_words(self._sought or op) if first is not None else ""


def _parameters(optimizer: Any) -> list[Any]:
    """The parameters of an optimizer, and their gradients."""
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    return [*parameters, *(each.grad for each in parameters)]


class _Pass:
    """One backward pass: which of its nodes is being computed."""

    def __init__(self, inside: Inside, nodes: Any) -> None:
        self._inside = inside
        self.nodes = nodes
        self._at: Any = None
        self._done: set[Any] = set()

    def leaves(self) -> dict[Any, bool]:
        """Its leaves, and which of them have their gradient."""
        return {node: node in self._done for node in self.nodes if is_leaf(node)}

    def hooks(self) -> list[Any]:
        """Listen to each of its nodes."""
        befores = [node.register_prehook(self._before(node)) for node in self.nodes]
        return befores + [node.register_hook(self._after(node)) for node in self.nodes]

    def remove(self) -> None:
        """It is over; if it raised, in the midst of a node."""
        error = sys.exc_info()[1]
        at, self._at, self.nodes = self._at, None, ()
        if at is not None and isinstance(error, Exception):
            self._inside.node_raised(at, error)

    def _before(self, node: Any) -> Callable[[tuple[Any, ...]], None]:
        def note(grads: tuple[Any, ...]) -> None:
            self._at = node

        return note

    def _after(self, node: Any) -> Callable[[tuple[Any, ...], tuple[Any, ...]], None]:
        def done(into: tuple[Any, ...], came: tuple[Any, ...]) -> None:
            self._at = None
            self._done.add(node)
            self._inside.node_done(node, into, came)

        return done
