"""The message of a logpoint: text with expressions in braces, "loss {loss:.3f} after {step} samples"."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bptui.expressions.expression import Expression
from bptui.expressions.parsing import BadExpression, parse


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was parsed.

    Attributes:
        parts: A text, the expression after it, None at the end, and how its value is written.
    """

    parts: tuple[tuple[str, Expression | None, str], ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Those in braces."""
        return tuple(expression for _, expression, _ in self.parts if expression is not None)

    def text(self, quantities: Mapping[str, Any]) -> str:
        """What it says now."""
        return "".join(
            text + (_written(expression, quantities, how) if expression else "")
            for text, expression, how in self.parts
        )


def parse_message(text: str) -> Message:
    """A message.

    Raises:
        BadExpression: One in braces is no expression, or a brace is left open.
    """
    try:
        parts = [(said, inner, how or "") for said, inner, how, _ in string.Formatter().parse(text)]
    except ValueError as error:
        raise BadExpression(str(error), text, max(text.find("{"), 0)) from error
    return Message(tuple((said, None if inner is None else parse(inner), how) for said, inner, how in parts))


def _written(expression: Expression, quantities: Mapping[str, Any], how: str) -> str:
    try:
        value = expression.value(quantities)
        if not how:
            return f"{value:.6g}" if isinstance(value, float) else str(value)
        return format(value, how)
    except Exception as error:  # a message is said whatever becomes of a part of it
        return f"<{type(error).__name__}: {error}>"
