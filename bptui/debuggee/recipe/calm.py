"""The arguments of calls without what is random, or what mixes the examples of a batch."""

from __future__ import annotations

from typing import Any

from bptui.debuggee.kept_calls import KeptCall
from bptui.debuggee.replay import named

_CELLS = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def calm(call: KeptCall, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """A call without dropout."""
    name = str(getattr(call.function, "__name__", ""))
    if name in _CELLS:  # their only number is how much is dropped
        return tuple(0.0 if isinstance(each, float) else each for each in args), kwargs
    if "dropout_p" in named(call, args, kwargs):
        return _with(call, args, kwargs, "dropout_p", 0.0)
    if name == "scaled_dot_product_attention" and len(args) > 4:  # a builtin: its arguments have no names
        return (*args[:4], 0.0, *args[5:]), kwargs
    if "dropout" not in name:
        return args, kwargs
    if hasattr(call.function, "__code__"):
        return _with(call, args, kwargs, "training", False)
    return (*args[:2], False), kwargs  # torch.dropout(input, p, train)


def alone(call: KeptCall, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """A call without dropout, and with the mean and variance that BatchNorm keeps in place of the batch's own."""
    if normalises(call, args, kwargs) and named(call, args, kwargs).get("running_mean") is not None:
        return _with(call, args, kwargs, "training", False)
    return calm(call, args, kwargs)


def normalises(call: KeptCall, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether it is a BatchNorm that computes with the mean and variance of the batch."""
    is_norm = getattr(call.function, "__name__", "") == "batch_norm"
    return is_norm and bool(named(call, args, kwargs).get("training"))


def _with(call: KeptCall, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, value: object) -> Arguments:
    names = call.function.__code__.co_varnames if hasattr(call.function, "__code__") else ()
    if name in names[: len(args)]:
        at = names.index(name)
        return (*args[:at], value, *args[at + 1 :]), kwargs
    return args, kwargs | {name: value}
