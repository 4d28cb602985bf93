"""Which lines of a stack are the user's?"""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import FrameType

import torch

from bptui.debuggee.own_frames import cut_our_frames
from bptui.records import Frame, Place

MOST_FRAMES = 40
"""So many frames of a stack are read, the innermost."""


def _prefixes(*directories: str | Path) -> tuple[str, ...]:
    # Code may have been imported through a symbolic link.
    both = (spelled for path in directories for spelled in (Path(path), Path(path).resolve()))
    return tuple({f"{path}{os.sep}" for path in both})


_OURS = _prefixes(Path(__file__).parent)
_TORCH = _prefixes(Path(torch.__file__).parent)
_STDLIB = _prefixes(sysconfig.get_paths()["stdlib"])


def is_user(path: str) -> bool:
    """Whether a file is neither ours, nor torch's, nor the standard library's."""
    in_stdlib = path.startswith(_STDLIB) and "site-packages" not in path
    return not in_stdlib and not path.startswith(("<", *_OURS, *_TORCH))


def user_place() -> Place | None:
    """The user's line that is being run now: the innermost on the stack."""
    return next(map(_place, _user_calls()), None)


def user_frames() -> tuple[Frame, ...]:
    """The user's calls that are going on now, the innermost first: function and line, without variables."""
    return tuple(Frame(each.f_code.co_qualname, _place(each)) for each in islice(_user_calls(), MOST_FRAMES))


def _user_calls() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_user(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


def _place(frame: FrameType) -> Place:
    return Place(frame.f_code.co_filename, frame.f_lineno)


def user_traceback(error: BaseException) -> str:
    """The traceback without the frames before the user's code, and without ours inside it."""
    if any(is_user(frame.filename) for frame in traceback.extract_tb(error.__traceback__)):
        cut_our_frames(error)
    shown = traceback.TracebackException.from_exception(error)
    # Without a line of the user's it is a mistake of ours, but that a syntax error says its line itself.
    none = len(shown.stack) if isinstance(error, SyntaxError) else 0
    first = next((i for i, frame in enumerate(shown.stack) if is_user(frame.filename)), none)
    del shown.stack[:first]
    return "".join(shown.format())


def describe(error: BaseException) -> str:
    """An exception in one line, with the user's line that raised it."""
    first = next(iter(str(error).strip().splitlines()), "")
    text = f"{type(error).__name__}: {first}" if first else type(error).__name__
    place = _raised_at(traceback.extract_tb(error.__traceback__))
    return f"{text} ({place})" if place and not isinstance(error, SyntaxError) else text


def _raised_at(frames: Iterable[traceback.FrameSummary]) -> str:
    users = [frame for frame in frames if is_user(frame.filename)]
    return f"{Path(users[-1].filename).name}:{users[-1].lineno}" if users else ""
