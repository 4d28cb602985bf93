"""Where the user's code is at a stop, or was when it raised: its frames, with their variables."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType, GeneratorType
from typing import Any

from bptui.debuggee.error_line import error_line
from bptui.debuggee.places import MOST_FRAMES, is_user
from bptui.debuggee.unobserved import unobserved
from bptui.debuggee.user_loops import is_own
from bptui.debuggee.variables import Room, read_variables
from bptui.records import Frame, Place, Stack

Call = tuple[FrameType, int]
"""A frame and its line."""

_OURS = str(Path(__file__).parent)
_LONGEST = 200
"""Characters of an error's line or a function's name."""


class StackReader:
    """Reads the stack. Never raises, and runs nothing of the user's."""

    def __init__(self, calls: Callable[[], Iterable[Call]]) -> None:
        """Read nothing yet.

        Args:
            calls: Where the training is now, the innermost call first.
        """
        self._calls = calls

    def now(self, is_amid: bool = False) -> Stack:
        """The stack at a stop; `is_amid` if it is in the midst of a sample."""
        return replace(_read(list(self._calls())), is_amid=is_amid)

    def variables(self) -> list[dict[str, Any]]:
        """The variables of each frame of that stack; none of one whose variables are not read."""
        return [{} if _calls_locals(frame) else _variables(frame) for frame in self.frames()]

    def frames(self) -> list[FrameType]:
        """The user's frames where the training is now, the innermost first."""
        calls = list(self._calls())
        return [calls[i][0] for i in _users(calls)[:MOST_FRAMES]]

    def of(self, error: BaseException) -> Stack:
        """The frames that an exception went through; where it is now, if it is none of the user's own."""
        calls = [(entry.tb_frame, entry.tb_lineno) for entry in _entries(error)][::-1]
        return _read(calls if _users(calls) else list(self._calls()), error_line(error))


def running_calls() -> Iterator[Call]:
    """The calls of this thread, the innermost first."""
    each: FrameType | None = sys._getframe(1)
    while each is not None:
        yield each, each.f_lineno or 0
        each = each.f_back


def suspended_calls(generator: GeneratorType[Any, Any, Any]) -> list[Call]:
    """The calls of a suspended generator and of those it yields from, the innermost first; none if it is over."""
    calls: list[Call] = []
    inner: Any = generator
    while type(inner) is GeneratorType and inner.gi_frame is not None:
        calls.insert(0, (inner.gi_frame, inner.gi_frame.f_lineno))
        inner = inner.gi_yieldfrom
    return calls


def calls_of(generator: GeneratorType[Any, Any, Any]) -> Iterable[Call]:
    """The calls of a generator, suspended or running, the innermost first."""
    if not generator.gi_running:
        return suspended_calls(generator)
    inside: list[Call] = []
    for call in running_calls():
        inside.append(call)
        if call[0] is generator.gi_frame:
            break
    return inside


def users_call(generator: GeneratorType[Any, Any, Any]) -> Call:
    """The innermost call of the user's own among those of a suspended generator."""
    outer = generator.gi_frame
    if outer is not None and generator.gi_yieldfrom is None:
        return outer, outer.f_lineno
    calls = suspended_calls(generator)
    return next((call for call in calls if is_own(call[0].f_code.co_filename)), calls[-1])


def _entries(error: BaseException) -> Iterator[Any]:
    entry = error.__traceback__
    while entry is not None:
        yield entry
        entry = entry.tb_next


def _users(calls: list[Call]) -> list[int]:
    """Which calls are the user's own; where none is, as in an installed training, which are nobody else's."""
    for is_it in (is_own, is_user):
        if found := [i for i, (frame, _) in enumerate(calls) if is_it(frame.f_code.co_filename)]:
            return found
    return []


def _read(calls: list[Call], error: str = "") -> Stack:
    users, room = _users(calls), Room()
    frames, inner = [], -1
    # The user's own modes would see the arithmetic of our summaries.
    with unobserved():
        for i in users[:MOST_FRAMES]:
            frames.append(_frame(*calls[i], _libraries(calls[inner + 1 : i]), room))
            inner = i
    return Stack(tuple(frames), max(0, len(users) - MOST_FRAMES), error[:_LONGEST])


def _frame(frame: FrameType, line: int, inside: str, room: Room) -> Frame:
    code = frame.f_code
    function, place = code.co_qualname[-_LONGEST:], Place(code.co_filename, line)
    if _calls_locals(frame):
        # To read them would renew the dict that its own call of locals() has returned.
        remark = "its locals are not read: it calls locals() itself"
        return Frame(function, place, inside=inside, remark=remark)
    rows, left_out = read_variables(_variables(frame), room)
    return Frame(function, place, rows, left_out, inside)


def _calls_locals(frame: FrameType) -> bool:
    return bool(frame.f_code.co_flags & inspect.CO_OPTIMIZED) and "locals" in frame.f_code.co_names


def _variables(frame: FrameType) -> dict[str, Any]:
    """A copy of a frame's variables, of which nothing stays behind."""
    held: Any = frame.f_locals
    copy = dict(held)
    if type(held) is dict and _is_left_alone(frame):
        held.clear()
    return copy


def _is_left_alone(frame: FrameType) -> bool:
    """Whether nobody else reads the dict of its locals.

    Before Python 3.13 the interpreter keeps that dict with the frame, and a tensor that the code lets go of would
    live on in it. While the frame is traced, the interpreter itself renews the dict, and reads it back.
    """
    code = frame.f_code
    is_traced = frame.f_trace or sys.gettrace() or sys.getprofile()
    is_used = {"vars", "eval", "exec"}.intersection(code.co_names)
    return bool(code.co_flags & inspect.CO_OPTIMIZED) and not is_traced and not is_used


def _libraries(calls: list[Call]) -> str:
    """Whose frames these are, ours not counted: "15 frames of lightning, torch"."""
    theirs = Counter(_package(frame) for frame, _ in calls if not frame.f_code.co_filename.startswith(_OURS))
    names = ", ".join(name for name, _ in theirs.most_common(3))
    return f"{theirs.total()} frame{'s' * (theirs.total() > 1)} of {names}" if theirs else ""


def _package(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name.partition(".")[0][:_LONGEST] if type(name) is str else "a library"
