"""The language of conditions: Python's expressions over the quantities of a training."""

from __future__ import annotations

from bptui.expressions.expression import Expression
from bptui.expressions.language import FUNCTIONS, NAMES, Unknown, suggestion
from bptui.expressions.message import Message, parse_message
from bptui.expressions.parsing import BadExpression, parse, parse_python

__all__ = [
    "FUNCTIONS",
    "NAMES",
    "BadExpression",
    "Expression",
    "Message",
    "Unknown",
    "parse",
    "parse_message",
    "parse_python",
    "suggestion",
]
