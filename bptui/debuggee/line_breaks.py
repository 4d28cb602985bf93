"""Has the interpreter say when a line with a breakpoint is about to be run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any

from bptui.breakpoints import is_at
from bptui.records import Breakpoint

Trace = Callable[[FrameType, str, Any], Any]


def trace_nothing(frame: FrameType, event: str, argument: object) -> None:
    """What has to be there for the lines of any frame to be traced."""
    return


class LineBreaks:
    """The trace function of the interpreter, which it shares with whoever watches the lines of single frames.

    Attributes:
        everywhere: What is to be asked about every call.
        is_armed: Whether there are any breakpoints.
        is_shared: Whether somebody else watches a frame.
    """

    def __init__(self, stop: Callable[[FrameType], None]) -> None:
        """Listen to nothing yet.

        Args:
            stop: Called at each line of a breakpoint, in its frame.
        """
        self._stop = stop
        self._breakpoints: list[Breakpoint] = []
        self._lines: dict[CodeType, frozenset[int]] = {}
        self._trace = self._on_event  # bound once: it is returned for every line
        self.everywhere: Trace = trace_nothing
        self.is_armed = self.is_shared = False

    def arm(self, breakpoints: Iterable[Breakpoint]) -> bool:
        """Listen to these from now on; False if somebody else has the interpreter's ear."""
        before, self._breakpoints, self._lines = self.everywhere, list(breakpoints), {}
        self.is_armed = bool(self._breakpoints)
        self.everywhere = self._on_call if self._breakpoints else trace_nothing
        if sys.gettrace() not in (None, before):
            self.everywhere = before
            return not self._breakpoints
        if self._breakpoints or self.is_shared:
            sys.settrace(self.everywhere)
        elif before is not trace_nothing:
            sys.settrace(None)
        self._trace_frames()
        return True

    def has_ear(self) -> bool:
        """Whether the interpreter listens to us, or to nobody."""
        return sys.gettrace() in (None, self.everywhere)

    def on_line(self, frame: FrameType) -> None:
        """A line is about to be run."""
        if self._breakpoints and frame.f_lineno in self._lines_of(frame.f_code):
            self._stop(frame)

    def _trace_frames(self) -> None:
        """Those that run already were not asked about when they were called."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_trace is None and self._lines_of(frame.f_code):
                frame.f_trace = self._trace
            frame = frame.f_back

    def _on_call(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._trace if self._lines_of(frame.f_code) else None

    def _on_event(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self.on_line(frame)
        return self._trace

    def _lines_of(self, code: CodeType) -> frozenset[int]:
        lines = self._lines.get(code)
        if lines is None:
            path = os.path.abspath(code.co_filename)  # noqa: PTH100 - Path is 20 times as slow
            own = {line for _, _, line in code.co_lines() if line}
            wanted = {each.line for each in self._breakpoints if is_at(each, path, each.line)}
            lines = self._lines[code] = frozenset(own & wanted)
        return lines
