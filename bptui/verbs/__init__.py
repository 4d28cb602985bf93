"""The verbs of the command line: parsed, and done by a session, on the screen or without one."""

from __future__ import annotations

from bptui.verbs.completion import complete
from bptui.verbs.looking import finite
from bptui.verbs.table import VERBS, BadLine, Prepared, find_verb, parse_verb
from bptui.verbs.training import Training
from bptui.verbs.verb import Result, Verb
from bptui.verbs.verbs import Verbs

__all__ = [
    "VERBS",
    "BadLine",
    "Prepared",
    "Result",
    "Training",
    "Verb",
    "Verbs",
    "complete",
    "find_verb",
    "finite",
    "parse_verb",
]
