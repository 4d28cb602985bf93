"""`set`: gives a variable, a part of a tensor, a gradient or a learning rate another value."""

from __future__ import annotations

import ast
import ctypes
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from bptui.debuggee.evaluator import Evaluator, compiled
from bptui.expressions import suggestion

_LONGEST = 60
"""Characters of what something was or is."""


class Refused(Exception):
    """It can not be set; the text says why, in one line."""


class Assigner:
    """Sets things."""

    def __init__(self, evaluator: Evaluator, optimizers: Callable[[], Iterable[Any]]) -> None:
        """Set nothing yet.

        Args:
            evaluator: Knows the frames.
            optimizers: Those that have made a step.
        """
        self._evaluator = evaluator
        self.optimizers = optimizers

    def assign(self, target: str, value: str, number: int, is_amid: bool) -> tuple[str, str]:
        """Set something to the value of an expression; call it guarded.

        Args:
            target: What, as Python writes it, or "lr".
            value: To what.
            number: In which frame, from 1.
            is_amid: Whether a sample is under way, whose graph may still need what a parameter is now.

        Returns:
            What it was, and what it is.

        Raises:
            Refused: It can not be set.
        """
        new = self._evaluator.evaluate(compiled(ast.parse(value.strip(), mode="eval")), number)
        groups = self._groups(target.strip(), number)
        if groups:
            return _set_rates(groups, new)
        node = _target(target.strip())
        if isinstance(node, ast.Name):
            return self._set_name(node.id, new, number, is_amid)
        is_amid = is_amid and not _is_of_gradient(node)
        holder = self._evaluate(node.value, number)
        if isinstance(node, ast.Attribute):
            return _set_attribute(holder, node.attr, new, is_amid)
        return _set_item(holder, self._evaluate(node.slice, number), new, is_amid)

    def doubt(self, target: str, number: int) -> str:
        """What is to be said of something that was set, if it may not stay what it is."""
        groups = self._groups(target, number)
        is_scheduled = any("initial_lr" in group for group in groups)  # what a scheduler leaves in its groups
        return "; a scheduler may set it again" if is_scheduled else ""

    def _evaluate(self, node: ast.expr, number: int) -> Any:
        return self._evaluator.evaluate(compiled(ast.fix_missing_locations(ast.Expression(node))), number)

    # -- learning rates --------------------------------------------------------------------------------

    def _groups(self, target: str, number: int) -> list[dict[str, Any]]:
        """The parameter groups that "lr" or "lr[1]" means; none without an optimizer, or if it is a variable."""
        name, bracket, index = target.partition("[")
        if name != "lr":
            return []
        groups = [group for each in self._all_optimizers(number) for group in each.param_groups]
        if not bracket or not groups:
            return groups
        place = index.rstrip("] ")
        if not place.isdecimal() or int(place) >= len(groups):
            raise Refused(f"there is no {target}: there are {len(groups)} parameter groups, from lr[0]")
        return [groups[int(place)]]

    def _all_optimizers(self, number: int) -> list[Any]:
        torch = sys.modules.get("torch")
        kind = getattr(getattr(torch, "optim", None), "Optimizer", ())
        frame = self._evaluator.frame(number)
        local = [each for each in (frame.f_locals.values() if frame else ()) if isinstance(each, kind)]
        return list({id(each): each for each in (*self.optimizers(), *local)}.values())

    # -- variables -------------------------------------------------------------------------------------

    def _set_name(self, name: str, new: Any, number: int, is_amid: bool) -> tuple[str, str]:
        frame = self._evaluator.frame(number)
        if name == "lr":  # at a stop inside a model it is further out
            frame = next((each for each in self._evaluator.frames() if "lr" in each.f_locals), frame)
        scope = {} if frame is None else frame.f_globals | frame.f_locals
        if frame is None or name not in scope:
            near = "; there is no optimizer yet, either" if name == "lr" else suggestion(name, (*scope, "lr"))
            raise Refused(f"no variable is called {name!r}{near}")
        old = scope[name]
        if _is_tensor(old):
            return _fill(old, new, is_amid)
        before = brief(old)
        _bind(frame, name, new)
        return before, brief(new)


def _target(text: str) -> Any:
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise Refused(f"{text!r} is nothing that can be set: {error.msg}") from error
    if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        raise Refused(f"{text!r} is nothing that can be set: a variable, w[0], model.fc1.bias, w.grad, lr")
    return node


def _is_of_gradient(node: ast.expr) -> bool:
    """Whether this is in a tensor's `.grad`, which no backward pass needs."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute) and node.attr == "grad":
            return True
        node = node.value
    return False


def _bind(frame: FrameType, name: str, new: Any) -> None:
    """Give a variable of a frame another value."""
    if name not in frame.f_locals:
        frame.f_globals[name] = new
        return
    frame.f_locals[name] = new
    if sys.version_info < (3, 13):  # f_locals is a copy there, and this writes it back
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))


def _set_rates(groups: list[dict[str, Any]], new: Any) -> tuple[str, str]:
    rate = float(new)
    before = ", ".join(dict.fromkeys(brief(group.get("lr")) for group in groups))
    for group in groups:
        if _is_tensor(group.get("lr")):
            _fill(group["lr"], rate, False)
        else:
            group["lr"] = rate
    return before, brief(rate)


def _set_attribute(holder: Any, name: str, new: Any, is_amid: bool) -> tuple[str, str]:
    old = getattr(holder, name)
    if _is_tensor(old) and new is not None:
        return _fill(old, new, is_amid)
    before = brief(old)
    setattr(holder, name, new)
    return before, brief(new)


def _set_item(holder: Any, index: Any, new: Any, is_amid: bool) -> tuple[str, str]:
    before = brief(holder[index])
    if _is_tensor(holder):
        _refuse_needed(holder, is_amid)
        with sys.modules["torch"].no_grad():
            holder[index] = new
    else:
        holder[index] = new
    return before, brief(holder[index])


def _fill(tensor: Any, new: Any, is_amid: bool) -> tuple[str, str]:
    """Write into a tensor, so that all who hold it see it."""
    torch = sys.modules["torch"]
    _refuse_needed(tensor, is_amid)
    before = brief(tensor)
    with torch.no_grad():
        tensor.copy_(torch.as_tensor(new, dtype=tensor.dtype, device=tensor.device).expand_as(tensor))
    return before, brief(tensor)


def _refuse_needed(tensor: Any, is_amid: bool) -> None:
    if is_amid:  # an input, too, may be saved for the backward pass
        raise Refused("the sample at hand may still need it: set it after the sample, or its .grad now")


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def brief(value: Any) -> str:
    """A value in a few words."""
    if _is_tensor(value) and value.numel() != 1:
        kind = "×".join(map(str, value.shape))
        return f"{kind}, norm {float(value.detach().double().norm()):.6g}"
    text = f"{value.item()!r}" if _is_tensor(value) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
