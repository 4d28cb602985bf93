"""Our frames between the user's and torch's: neither tracebacks nor warnings are to tell of them."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

OURS = str(Path(__file__).parent)

_Function = TypeVar("_Function", bound=Any)


def unseen(function: _Function) -> _Function:
    """Have `warnings.warn(…, stacklevel=n)` below a function of ours name the line that it would name without us.

    `warnings` does not count the frames of Python's import system, which it knows by their file's name.
    """
    assert isinstance(function, FunctionType)
    code = function.__code__
    function.__code__ = code.replace(co_filename=f"{code.co_filename} (seen as little as importlib._bootstrap)")
    return function


def cut_our_frames(error: BaseException | None) -> None:
    """Take them out, but for the outermost, also of what has led to the error."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = error.__traceback__
        while frames is not None:
            after = frames.tb_next
            while after is not None and after.tb_frame.f_code.co_filename.startswith(OURS):
                after = after.tb_next
            frames.tb_next = after
            frames = after
        error = error.__cause__ or error.__context__
