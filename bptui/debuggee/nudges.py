"""A nudge: with a signal the session asks to look for commands at the next line of Python."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from bptui.debuggee.modules import INSTALLED
from bptui.debuggee.own_frames import OURS
from bptui.debuggee.stepper import Stepper

NUDGE = signal.SIGURG
"""By default it is ignored; see `bptui.session.debuggee`."""

_GONE = (EOFError, OSError)


def listen(
    stepper: Stepper,
    is_training: Callable[[], bool],
    outermost: Callable[[], FrameType | None] = lambda: None,
) -> None:
    """From now on obey at once, in the midst of a sample, what can not wait for its end.

    Args:
        stepper: Obeys.
        is_training: Whether what this process runs is the training at all.
        outermost: The frame of the training's that we have called ourselves, if we have.
    """

    def on_nudge(number: int, frame: FrameType | None) -> None:
        if stepper.questions.evaluator.is_at_work:
            stepper.questions.evaluator.interrupt()
        if is_training() and not _is_in_our_code(frame, outermost()):
            try:
                stepper.attend(_where(frame))
                stepper.resume()
            except _GONE:
                signal.signal(NUDGE, signal.SIG_IGN)

    signal.signal(NUDGE, on_nudge)
    stepper.questions.evaluator.let_signals_end = lambda they_do: signal.siginterrupt(NUDGE, they_do)
    signal.siginterrupt(NUDGE, False)  # what the training reads and writes goes on as if nothing had been


def _is_in_our_code(frame: FrameType | None, outermost: FrameType | None) -> bool:
    while frame is not None and frame is not outermost and not frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    return frame is not outermost


def _where(frame: FrameType | None) -> str:
    """The nearest line of a file that is not installed, in words."""
    while frame is not None and frame.f_code.co_filename.startswith(INSTALLED):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame is not None else ""
