"""What can be said, at a stop, of the nodes of the sample at hand: also on request."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import torch
from torch._C import DisableTorchFunction
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_flatten

from bptui.debuggee.apart import Overdue, apart
from bptui.debuggee.explaining import BUDGET, Explainer, Gradients
from bptui.debuggee.kept_calls import Edge, KeptCall, NotKept, edge_of, is_floating, refuse_changed
from bptui.debuggee.nodes import is_leaf
from bptui.errors import ProtocolError
from bptui.explain.again import explain_again
from bptui.explain.check import check
from bptui.explain.explain import explain, form_of
from bptui.explain.names import backward_place, plain_name, user_function
from bptui.explain.saved import saved_lines
from bptui.protocol import from_json, to_json
from bptui.records import ExplainedRow, Explanation, Explanations, GradientCheck

SECONDS = 4.0
"""Of CPU, that one check may take; entries for which there is no time are left out."""

PATIENCE = 20.0
"""Seconds after which a check, or an explanation on request, is given up."""

Found = TypeVar("Found", Explanation, GradientCheck)

NO_GRADIENT = "no gradient has come here yet"


class Study:
    """The nodes of a sample in which, or after which, the training has stopped."""

    def __init__(self, explainer: Explainer, row_of: Mapping[Any, int], is_amid: bool) -> None:
        """Say nothing yet.

        Args:
            explainer: Has listened to the sample.
            row_of: The row of each node in the graph, of a leaf that of its AccumulateGrad.
            is_amid: Whether the sample is not complete.
        """
        self._explainer = explainer
        self._row_of = row_of
        self._is_amid = is_amid

    @property
    def explainer(self) -> Explainer:
        """What has listened to the sample."""
        return self._explainer

    def explanations(self) -> Explanations:
        """Everything that was found out."""
        known = self._explainer
        rows = [
            ExplainedRow(self._row_of[node], self._sources(node), explanation)
            for node, explanation in known.explained.items()
            if node in self._row_of
        ]
        left_out, losses = (
            tuple(self._row_of[node] for node in nodes if node in self._row_of)
            for nodes in (known.left_out, known.roots)
        )
        checks = tuple((self._row_of[node], each) for node, each in known.checks.items() if node in self._row_of)
        return Explanations(tuple(rows), left_out, BUDGET, losses, self._forms, checks)

    def answer(self, row: int, about: Literal["numbers", "check"]) -> None:
        """Find out more about a row: how its gradient comes about, or whether it is right."""
        node = self._node_of.get(row)
        if node is None or is_leaf(node):
            return
        with DisableTorchFunction(), _disable_current_modes():
            if about == "check":
                self._explainer.checks[node] = self._check(node)
            else:
                self._explainer.explained[node] = self._explain(node)
                self._explainer.left_out.pop(node, None)

    @cached_property
    def _node_of(self) -> dict[int, Any]:
        return {row: node for node, row in self._row_of.items() if not isinstance(node, tuple)}

    @cached_property
    def _forms(self) -> tuple[Explanation, ...]:
        named = {plain_name(node): node for node in self._node_of.values() if not is_leaf(node)}
        return tuple(form_of(name, user_function(node)) for name, node in named.items())

    def _sources(self, node: Any) -> tuple[int | None, ...]:
        return tuple(self._row_of.get(source) for source, _ in node.next_functions)

    # -- numbers ---------------------------------------------------------------------------------------

    def _explain(self, node: Any) -> Explanation:
        grads = self._explainer.gradients.get(node)
        if grads is None:
            told = explain(node, (None,) * len(node._input_metadata))
            inputs = tuple(replace(each, remark="") for each in told.inputs)
            remark = "; ".join(filter(None, (NO_GRADIENT if self._is_amid else "", told.remark)))
            return replace(told, remark=remark, inputs=inputs, saved=saved_lines(node))
        form = form_of(plain_name(node), user_function(node))
        try:
            call = self._call(node, [grads])
            args, kwargs = call.arguments()
            offset, needs = node._sequence_nr() - call.first, [edge is not None for edge in call.edges]

            def work() -> str:
                torch.set_rng_state(call.random)
                same = call.function, args, kwargs, form.node, offset, needs
                return to_json(explain_again(*same, grads.came_in, grads.went_out))

            return _apart(Explanation, work)
        except Exception as error:
            return replace(form, remark=f"no numbers: {_why(error)}")

    # -- finite differences ----------------------------------------------------------------------------

    def _check(self, node: Any) -> GradientCheck:
        function = user_function(node)
        name = function.__qualname__ if function else form_of(plain_name(node)).op
        place = backward_place(function) if function else None
        try:
            call = self._call(node, [])
            args, kwargs = call.arguments()
            came_in, went_out = self._came_in(call, node), self._went_out(call, args, kwargs)
            known = came_in is not None and went_out is not None
            grads = (came_in, went_out) if known else (None, None)
            needs = [edge is not None for edge in call.edges]

            def work() -> str:
                return to_json(check(call.function, args, kwargs, *grads, needs, seconds=SECONDS))

            told = _apart(GradientCheck, work)
        except Exception as error:
            return GradientCheck(name, "not checked", place=place, remark=_why(error))
        whole = f"checked with all that {told.function} does" if call.stop - call.first > 1 else ""
        unknown = "" if known else NO_GRADIENT if self._is_amid else "its gradient is not known"
        return replace(told, function=name, remark="; ".join(filter(None, (whole, unknown, told.remark))))

    def _call(self, node: Any, grads: list[Gradients]) -> KeptCall:
        for each in grads:
            if not each.came_in:
                raise NotKept("there was no memory to hold its gradients")
            refuse_changed(each.versions)
        return self._explainer.kept.of(node)

    def _came_in(self, call: KeptCall, node: Any) -> list[Any] | None:
        """∂L/∂ each floating tensor that the call returned; None where none is known."""
        known = self._explainer.gradients
        if not call.outputs:  # a Function's node has an edge for each of them
            grads = known[node].came_in if node in known else ()
            kinds = (each.dtype.is_floating_point for each in node._input_metadata)
            found = [grad for grad, is_floating in zip(grads, kinds, strict=False) if is_floating]
        else:
            found = [self._of_output(*edge) if edge else None for edge in call.outputs]
        return found if any(grad is not None for grad in found) else None

    def _of_output(self, node: Any, number: int) -> Any:
        grads = self._explainer.gradients.get(node)
        return grads.came_in[number] if grads and grads.came_in else None

    def _went_out(self, call: KeptCall, *arguments: Any) -> list[Any] | None:
        """∂L/∂ each floating argument of the call; None if it is not, or not exactly, known."""
        into: dict[Edge, list[Any]] = defaultdict(list)
        made = [each for each in self._node_of.values() if call.first <= each._sequence_nr() < call.stop]
        if self._is_amid and any(each not in self._explainer.gradients for each in made):
            return None
        for each in made:
            grads = self._explainer.gradients.get(each)
            if grads is None:
                continue
            refuse_changed(grads.versions)
            for (source, number), grad in zip(each.next_functions, grads.went_out, strict=False):
                if source is not None and grad is not None:
                    into[edge_of(source, number)].append(grad)
        times = Counter(call.edges)
        if any(edge is not None and 1 < times[edge] != len(into[edge]) for edge in call.edges):
            return None
        values = [part for part in tree_flatten(arguments)[0] if is_floating(part)]
        return [_of_argument(*pair, into, times) for pair in zip(call.edges, values, strict=True)]


def _of_argument(edge: Edge | None, value: Any, into: Mapping[Edge, list[Any]], times: Mapping[Any, int]) -> Any:
    """The gradient of an argument: none that came is a gradient of 0."""
    if edge is None:
        return None
    if times[edge] > 1:
        return into[edge].pop(0)
    return sum(into[edge]) if into[edge] else torch.zeros_like(value)


def _why(error: Exception) -> str:
    """In words; what nobody thought of must not end the training."""
    return str(error) if isinstance(error, NotKept) else f"it failed: {error!r}"


def _apart(kind: type[Found], work: Callable[[], str]) -> Found:
    try:
        return from_json(kind, apart(work, PATIENCE))
    except Overdue as error:
        raise NotKept(str(error)) from error
    except (OSError, ProtocolError) as error:
        raise NotKept(f"no copy of the process could do it: {error}") from error
