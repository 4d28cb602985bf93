"""An exception in one line; needs no torch."""

from __future__ import annotations

import traceback


def error_line(error: BaseException) -> str:
    """As Python says it, its message's first line; of a syntax error without the code, which is shown anyway."""
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines() or [""]
    return lines[-1 if issubclass(type(error), SyntaxError) else 0]
