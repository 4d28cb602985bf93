"""An autograd node, what came in and what went out → its explanation."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch

from bptui.explain.derivatives import Entry, entry_of
from bptui.explain.formula import formula
from bptui.explain.names import backward_place, input_names, op_of, plain_name, remark_on, shapes_of, user_function
from bptui.explain.numbers import Worked, work_out
from bptui.explain.rule import Rule, written
from bptui.explain.rules import rule_of
from bptui.explain.saved import Saved, Unknown, out_shape, wide
from bptui.records import Explanation, InputGradient

Grads = Sequence[torch.Tensor | None]

_NO_GRADIENT = "needs no gradient"


@torch.no_grad()
def explain(node: Any, grad_outputs: Grads, grad_inputs: Grads | None = None) -> Explanation:
    """What a node does with the gradient.

    To be called while the node still has its saved tensors: in a hook of the node, or with retain_graph=True. It
    reads and computes, in float64 and at about the cost of the node's own backward; it changes nothing, and does
    not raise: what can not be said is said to be so.

    Args:
        node: The autograd node.
        grad_outputs: The gradients that came in, as a hook of the node is given them.
        grad_inputs: The gradients that went out, one per edge; None where they are not known.
    """
    with torch._C.DisableTorchFunction():
        try:
            return _explain(node, grad_outputs, grad_inputs)
        except Exception as error:  # a kind of node that nobody thought of; the user's training goes on
            name = plain_name(node)
            return Explanation(name, op_of(name, None), remark=f"it could not be explained: {error!r}")


def _explain(node: Any, grad_outputs: Grads, grad_inputs: Grads | None) -> Explanation:
    name, function = plain_name(node), user_function(node)
    entry, rule = (None, None) if function else (entry_of(name), rule_of(name))
    edges = len(node.next_functions)
    grads = (
        (None,) * edges if grad_inputs is None else tuple(grad_inputs)[:edges]
    )  # a leaf's hook is given one more
    sizes = shapes_of(node, grads)
    saved = [Saved(node, grad_outputs, sizes, at) for at in range(edges)]
    norm = _norm(grad_outputs)
    inputs = tuple(
        _explain_input(each, entry, rule, saved[at], grads[at], norm)
        for at, each in enumerate(input_names(entry, rule, edges))
    )
    return Explanation(
        node=name, op=op_of(name, entry), signature=entry.signature if entry else "",
        equation=written(rule.equation, saved[0]) if rule and saved else "",
        remark=remark_on(name, function, entry, rule),
        place=backward_place(function) if function else None,
        shape=out_shape(node), norm=norm, inputs=inputs,
    )  # fmt: skip


@functools.cache
def form_of(name: str, function: type | None = None) -> Explanation:
    """What can be said of all nodes of a name, without their numbers.

    Args:
        name: The name: "MulBackward0".
        function: The torch.autograd.Function of the user's that made them.
    """
    entry, rule = (None, None) if function else (entry_of(name), rule_of(name))
    names = list(entry.formulas) if entry else list(rule.grads) if rule else []
    return Explanation(
        node=name, op=op_of(name, entry), signature=entry.signature if entry else "",
        equation=rule.equation if rule and isinstance(rule.equation, str) else "",
        remark=remark_on(name, function, entry, rule),
        place=backward_place(function) if function else None,
        inputs=tuple(_form_of_input(each, entry, rule) for each in names),
    )  # fmt: skip


def _form_of_input(name: str, entry: Entry | None, rule: Rule | None) -> InputGradient:
    rule = rule if rule and name in rule.grads else None
    symbol, text = (rule.letter(name), rule.grads[name]) if rule else ("", "")
    written_out = f"∂L/∂{symbol} = {formula(text).text()}" if text and isinstance(text, str) else ""
    torch_formula = entry.formulas.get(name, "") if entry else ""
    return InputGradient(name, symbol, torch_formula=torch_formula, formula=written_out)


def _explain_input(
    name: str, entry: Entry | None, rule: Rule | None, saved: Saved, grad: torch.Tensor | None, norm: float | None
) -> InputGradient:
    plain = name.partition("[")[0]
    rule = rule if rule and plain in rule.grads else None
    worked, remark = Worked(), ""
    symbol = rule.letter(name) if rule else ""
    if not saved.is_needed:
        remark = _NO_GRADIENT
    elif rule:
        worked, remark = _try(rule, name, symbol, saved)
    found = _norm([grad])
    return InputGradient(
        name=name, symbol=symbol, torch_formula=entry.formulas.get(plain, "") if entry else "",
        formula=_formula(rule, name, symbol, saved), numbers=worked.numbers, entry=worked.entry,
        value=worked.value, steps=worked.steps, shape=saved.sizes[saved.at], norm=found,
        factor=found / norm if found is not None and norm else None,
        error=_error(worked.grad, grad, norm, saved.out_shape), local=worked.local,
        local_text=worked.local_text, remark=remark,
    )  # fmt: skip


def _try(rule: Rule, name: str, symbol: str, saved: Saved) -> tuple[Worked, str]:
    try:
        return work_out(rule, name, symbol, saved), ""
    except Unknown as unknown:
        return Worked(), str(unknown)
    except Exception as error:  # an option that the rule does not know; the user's training goes on
        return Worked(), f"the rule could not be computed: {error!r}"


def _formula(rule: Rule | None, name: str, symbol: str, saved: Saved) -> str:
    if rule is None:
        return ""
    try:
        return f"∂L/∂{symbol} = {rule.formula(name, saved).text()}"
    except Exception:  # the same that is said of the numbers
        return ""


def _norm(grads: Grads) -> float | None:
    """The Euclidean norm over all elements of all gradients."""
    try:
        norms = [float(torch.linalg.vector_norm(wide(grad))) for grad in grads if grad is not None]
    except Unknown:
        return None
    return math.hypot(*norms) if norms else None


def _error(
    rule: torch.Tensor | None, autograd: torch.Tensor | None, norm: float | None, shape: Sequence[int]
) -> float | None:
    """‖rule − autograd‖ / ‖the larger of both‖; infinite if they are not finite at the same places.

    A difference below the rounding of a sum over g does not count: where terms cancel, as in the bias before a
    batch norm, nothing but rounding is left.
    """
    if rule is None or autograd is None or norm is None:
        return None
    rounding = torch.finfo(autograd.dtype).eps * norm * math.sqrt(math.prod(shape))
    autograd = wide(autograd)
    finite = torch.isfinite(rule)
    if rule.shape != autograd.shape or not torch.equal(finite, torch.isfinite(autograd)):
        return math.inf
    rule, autograd = rule.where(finite, 0), autograd.where(finite, 0)
    difference = float(torch.linalg.vector_norm(rule - autograd))
    scale = max(float(torch.linalg.vector_norm(rule)), float(torch.linalg.vector_norm(autograd)))
    return 0.0 if difference <= rounding else difference / scale
