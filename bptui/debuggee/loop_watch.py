"""Has the interpreter say when the next iteration of a loop begins, or the loop is left."""

from __future__ import annotations

import inspect
import opcode
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from bptui.debuggee.line_breaks import LineBreaks, trace_nothing
from bptui.debuggee.user_loops import UserLoop

_YIELD = opcode.opmap["YIELD_VALUE"]
_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class LoopWatch:
    """Watches one loop at a time, by tracing the lines of its frame alone.

    From a backward pass to the end of its iteration the interpreter calls a trace function that does nothing for
    every function called; not longer, unless it must say, too, when the whole loop is left.
    """

    def __init__(
        self, on_iteration: Callable[[], None], on_exit: Callable[[], None], breaks: LineBreaks | None = None
    ) -> None:
        """Watch nothing yet.

        Args:
            on_iteration: Called when an iteration is over, that of the loop's end included.
            on_exit: Called after that when the loop was left.
            breaks: Has a word about lines, too.
        """
        self._breaks = breaks or LineBreaks(lambda _: None)
        self._on_iteration = on_iteration
        self._on_exit = on_exit
        self._frame: FrameType | None = None
        self._loop: UserLoop
        self._first = self._last = self._offset = 0
        self._until_exit = False
        self._trace = self._on_event  # bound once: it is returned for every line

    def watch(self, frame: FrameType, loop: UserLoop, until_exit: bool) -> bool:
        """Watch the iteration that this frame is in; False if somebody else has the interpreter's ear.

        Args:
            frame: Runs the loop.
            loop: Whose iteration is at hand.
            until_exit: Whether to go on watching until the loop is left.
        """
        if frame is self._frame and loop is not self._loop:
            self._on_exit()
        self._frame, self._loop, self._offset, self._until_exit = frame, loop, frame.f_lasti, until_exit
        self._first, self._last = max(loop.body, loop.header + 1), loop.end
        if not self._breaks.has_ear():
            self._frame = None
            return False
        self._breaks.is_shared = True
        sys.settrace(self._breaks.everywhere)
        frame.f_trace = self._trace
        return True

    def end(self) -> None:
        """Watch no more."""
        self._frame = None
        self._breaks.is_shared = False
        self.look_away()

    def look_away(self, *_: object) -> None:
        """Let code run that is not the loop's own, at its full speed: while anything is traced, all is slower."""
        if sys.gettrace() is trace_nothing:
            sys.settrace(None)

    def look_back(self, *_: object) -> None:
        """Go on after `look_away`."""
        if self._frame is not None and sys.gettrace() is None:
            sys.settrace(self._breaks.everywhere)

    def _on_event(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            # A `while True` has no header to come back to, but it does go back: the lines of one iteration come in
            # the order of their instructions, the end of a `with` and those of loops inside included.
            if frame is self._frame and (
                frame.f_lasti < self._offset or not self._first <= frame.f_lineno <= self._last
            ):
                self._on_edge(frame.f_lineno)
            if self._breaks.is_armed:
                self._breaks.on_line(frame)
        elif event == "return" and frame is self._frame and not _is_suspended(frame):
            self._leave()
        return self._trace

    def _on_edge(self, line: int) -> None:
        """A line at which the iteration has come to its end, or the loop, too."""
        if not self._loop.header <= line <= self._loop.end:
            self._leave()
            return
        self._offset = -1
        if not self._until_exit:
            self.end()
        self._on_iteration()

    def _leave(self) -> None:
        self.end()
        self._on_iteration()
        self._on_exit()


def _is_suspended(frame: FrameType) -> bool:
    """Whether a generator that hands over its frame has only yielded."""
    code = frame.f_code
    return bool(code.co_flags & _SUSPENDS) and code.co_code[frame.f_lasti] == _YIELD
