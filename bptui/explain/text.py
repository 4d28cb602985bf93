"""Numbers, indices and shapes as a formula writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

MINUS = "−"

_RAISED = str.maketrans("0123456789−n+()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ⁺⁽⁾")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def number(value: float) -> str:
    """Four decimals, fewer where these are exact, powers of ten where they say too little: −5.4096, 3, 1.5e−7."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+.0f}".replace("inf", "Inf").replace("-", MINUS)
    size = abs(value)
    if size < 1e6 and value == int(value):
        text = f"{int(value)}"
    elif 1e-3 <= size < 1e6:
        text = f"{value:.4f}"
        text = text.rstrip("0") if float(text) == value else text
    else:
        digits, exponent = f"{value:.3e}".split("e")
        text = f"{digits}e{int(exponent)}"
    return text.replace("-", MINUS)


def bracketed(text: str) -> str:
    """A factor or term after an operator: a minus sign needs brackets there."""
    return f"({text})" if text.startswith(MINUS) else text


def added(texts: Sequence[str]) -> str:
    """Terms, with signs between them."""
    return " + ".join([*texts[:1], *map(bracketed, texts[1:])])


def multiplied(texts: Sequence[str]) -> str:
    """Factors, with signs between them."""
    return " · ".join([*texts[:1], *map(bracketed, texts[1:])])


def raised(text: str) -> str:
    """An exponent: ², ⁿ⁻¹, ^0.5 where there are no such small letters."""
    small = text.replace(" ", "").translate(_RAISED)
    return small if all(sign in _RAISED.values() for sign in map(ord, small)) else _caret(text)


def _caret(text: str) -> str:
    return f"^{text}" if text.replace(".", "").isalnum() else f"^({text})"


def lowered(digits: str) -> str:
    """An index below the line: ₁₂."""
    return digits.translate(_LOWERED)


def shape(sizes: Sequence[int]) -> str:
    """As mathematics writes it: 3×4; "one number" for ()."""
    return "×".join(map(str, sizes)) or "one number"


def index(at: Sequence[int]) -> str:
    """[2, 1]; nothing for the entry of a tensor that has only one."""
    return f"[{', '.join(map(str, at))}]" if at else ""


def unraveled(at: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """The index of an entry by its place in the tensor laid flat; torch's own first imports sympy, for 0.4 s."""
    found = []
    for size in reversed(sizes):
        at, index = divmod(at, size)
        found.append(index)
    return tuple(reversed(found))


def dims(numbers: Sequence[int]) -> str:
    """Dimensions by their numbers: "dim 0", "dims 0, 2"."""
    return f"dim{'s' * (len(numbers) != 1)} {', '.join(map(str, numbers))}"
