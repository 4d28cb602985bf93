"""How many iterations does a loop have? Read from what stands in its header, without running any of it."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Sequence
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

_SAME_LENGTH = ("enumerate", "reversed", "sorted", "list", "tuple", "iter", "tqdm")


def length_of(over: ast.expr | None, frame: FrameType) -> int | None:
    """The number of iterations of `for … in over`, None if that can not be known.

    Args:
        over: What is iterated over.
        frame: In which it is.
    """
    match over:
        case ast.Call(ast.Name("range" | "trange") | ast.Attribute(_, "trange"), arguments):
            numbers = [_number(argument, frame) for argument in arguments]
            return None if None in numbers else len(range(*[each for each in numbers if each is not None]))
        case ast.Call(ast.Name("zip"), arguments) if arguments:
            lengths = [length_of(argument, frame) for argument in arguments]
            return None if None in lengths else min(each for each in lengths if each is not None)
        case ast.Call(ast.Name(name) | ast.Attribute(_, name), [first, *_]) if name in _SAME_LENGTH:
            return length_of(first, frame)
        case ast.List(parts) | ast.Tuple(parts):
            return _count(parts)
    return _sized(_value(over, frame))


def counts_from_zero(over: ast.expr | None) -> bool:
    """Whether it is a range whose numbers begin at 0."""
    match over:
        case ast.Call(ast.Name("range" | "trange") | ast.Attribute(_, "trange"), [_] | [ast.Constant(0), _]):
            return True
        case ast.Call(ast.Name("tqdm") | ast.Attribute(_, "tqdm"), [first, *_]):
            return counts_from_zero(first)
    return False


def _number(expression: ast.expr, frame: FrameType) -> int | None:
    match expression:
        case ast.Call(ast.Name("len"), [sized]):
            return length_of(sized, frame)
        case ast.UnaryOp(ast.USub(), operand):
            number = _number(operand, frame)
            return None if number is None else -number
    value = _value(expression, frame)
    return value if type(value) is int else None


def _value(expression: ast.expr | None, frame: FrameType) -> Any:
    """What a constant, a variable or an attribute is; no code of the user's is run to find out."""
    match expression:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return frame.f_locals.get(name, frame.f_globals.get(name))
        case ast.Attribute(holder, name):
            attributes = getattr(_value(holder, frame), "__dict__", None)
            return attributes.get(name) if isinstance(attributes, dict) else None
    return None


def _sized(value: Any) -> int | None:
    if type(value) in (list, tuple, range, dict, set):
        return len(value)
    if isinstance(value, torch.Tensor | np.ndarray) and value.ndim:
        return len(value)
    if isinstance(value, DataLoader) and not isinstance(value.dataset, IterableDataset):
        with contextlib.suppress(Exception):  # a sampler of the user's need not know its length
            return len(value)
    return None


def _count(parts: Sequence[ast.expr]) -> int | None:
    return None if any(isinstance(part, ast.Starred) for part in parts) else len(parts)
