"""The words of the language of conditions: names, functions, attributes, and what each means."""

from __future__ import annotations

import difflib
import fnmatch
import functools
import math
from collections.abc import Iterable
from typing import Any

NAMES = {
    "loss": "the loss of the sample",
    "epoch": "the epoch, as the training counts it",
    "sample": "the position of the sample in its epoch, from 1",
    "step": "the number of the sample in the run, from 1",
    "lr": "the learning rate of the first parameter group",
    "grad": 'all gradients; grad("fc1.weight") is one, inside a sample the gradient at hand',
    "param": 'all parameters; param("fc1.weight") is one',
    "update": 'what the update added to all parameters; update("fc1.weight") is one',
    "phase": 'inside a sample: "forward", "backward" or "update"',
    "op": 'inside a sample: the op, "conv2d", or node, "ConvolutionBackward0"',
    "module": 'inside a sample: the path of the module, "blocks.3.attn"',
    "leaf": "inside a backward pass: the name of the leaf whose gradient has come",
    "value": "inside a forward pass: what the op returned",
}
"""What stands for a quantity."""

INSIDE = frozenset({"phase", "op", "module", "leaf", "value"})
"""What is only known inside a sample: a condition with one of these is looked at after every op and node."""

COLLECTIONS = frozenset({"grad", "param", "update"})
"""Names that may be called with that of a parameter."""

WINDOWS = {
    "mean": "mean(loss, 10): the mean of the 10 samples before this one; mean(value): of a tensor",
    "previous": "previous(loss): what it was one sample ago",
    "unchanged": "unchanged(param, 3): the parameters that 3 updates have left as they were",
}
"""Functions that know earlier samples."""

ATTRIBUTES = frozenset({"norm", "shape", "dtype", "numel", "ndim"})
"""What may be asked of a quantity by a dot."""


class Unknown(Exception):
    """A quantity that is not known here; its text says which and why."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a question, empty if none is near: "; did you mean 'loss'?"."""
    near = _nearest(word, tuple(known))
    return f"; did you mean {near!r}?" if near else ""


@functools.lru_cache(64)
def _nearest(word: str, known: tuple[str, ...]) -> str:
    """The nearest word or "": among 100 it takes 1 ms, and a condition asks again after each sample."""
    return next(iter(difflib.get_close_matches(word, known, 1)), "")


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "isnan")


def _isnan(value: Any) -> bool:
    if _is_tensor(value):
        return bool(value.isnan().any())
    number = getattr(value, "norm", value)
    return number is not None and math.isnan(number)


def _isinf(value: Any) -> bool:
    if _is_tensor(value):
        return bool(value.isinf().any())
    number = getattr(value, "norm", value)
    return number is not None and math.isinf(number)


def _nonfinite(value: Any) -> bool:
    return _isnan(value) or _isinf(value)


def _norm(value: Any) -> float | None:
    if _is_tensor(value):
        return float(value.detach().double().norm()) if value.numel() else 0.0
    norm = getattr(value, "norm", value)
    return None if norm is None else abs(norm)


def _any(value: Any) -> bool:
    return bool(value.any()) if _is_tensor(value) else any(value) if isinstance(value, tuple) else bool(value)


def _all(value: Any) -> bool:
    return bool(value.all()) if _is_tensor(value) else all(value) if isinstance(value, tuple) else bool(value)


def _mean(value: Any) -> float:
    return float(value.detach().double().mean()) if _is_tensor(value) else float(value)


def _least(*values: Any) -> Any:
    one = values[0]
    return min(values) if len(values) > 1 else float(one.min()) if _is_tensor(one) else one


def _greatest(*values: Any) -> Any:
    one = values[0]
    return max(values) if len(values) > 1 else float(one.max()) if _is_tensor(one) else one


def _abs(value: Any) -> Any:
    return value.abs() if _is_tensor(value) else abs(float(value))


def _log(value: Any) -> float:
    number = float(value)
    return math.log(number) if number > 0 else -math.inf if number == 0 else math.nan


def _missing(value: Any) -> tuple[str, ...]:
    return tuple(value.missing())


def _matches(text: Any, pattern: str) -> bool:
    """Whether a path is like this one, or ends like it; what is inside a module belongs to it."""
    if not isinstance(text, str) or not text:
        return False
    if text == pattern or text.endswith(f".{pattern}"):  # "layers[0].bias" is no pattern
        return True
    parts = text.split(".")
    wanted = pattern.count(".") + 1
    runs = (".".join(parts[i : i + wanted]) for i in range(len(parts) - wanted + 1))
    return any(fnmatch.fnmatchcase(run, pattern) for run in runs)


FUNCTIONS = {
    "norm": (_norm, "the Euclidean norm"),
    "isnan": (_isnan, "whether an element is NaN"),
    "isinf": (_isinf, "whether an element is infinite"),
    "nonfinite": (_nonfinite, "whether an element is NaN or infinite"),
    "any": (_any, "whether any element is true"),
    "all": (_all, "whether all elements are true"),
    "mean": (_mean, WINDOWS["mean"]),
    "min": (_least, "the least element"),
    "max": (_greatest, "the greatest element"),
    "abs": (_abs, "the magnitude"),
    "log": (_log, "the natural logarithm"),
    "exp": (lambda value: math.exp(float(value)), "e to this power"),
    "sqrt": (lambda value: math.sqrt(float(value)), "the square root"),
    "missing": (_missing, "missing(grad): the parameters that got none"),
    "matches": (_matches, 'matches(module, "blocks.*.attn"): whether a path is, or lies in, such a one'),
}
"""What may be called, and what it says."""

WORDS = tuple(dict.fromkeys((*NAMES, *FUNCTIONS, *WINDOWS)))
"""All words that an expression may hold."""
