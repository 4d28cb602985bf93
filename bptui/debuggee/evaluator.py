"""Evaluates expressions of Python where the training stands, as if nothing had been."""

from __future__ import annotations

import ast
import contextlib
import math
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FrameType
from typing import Any

from bptui.expressions import FUNCTIONS, NAMES, Unknown
from bptui.expressions.language import COLLECTIONS
from bptui.records import Value

LONGEST = 100_000
"""Characters of a value that are sent."""

TOO_LONG = "it takes too long: looked at no more until the watches change"
"""The problem of what has met its limit."""

OURS = "_bptui_"
"""What our own names begin with where the user's would hide them."""


class Interrupted(BaseException):
    """The user has had enough of an evaluation, or it took too long; it can hardly catch this by accident."""


class Evaluator:
    """Evaluates in the user's frames.

    Attributes:
        is_at_work: Whether something of the user's is being evaluated.
        let_signals_end: Whether a system call that waits ends with our signal, or is taken up again.
    """

    def __init__(self, frames: Callable[[], Sequence[FrameType]], quantities: Mapping[str, Any]) -> None:
        """Evaluate nothing yet.

        Args:
            frames: The user's frames where the training stands, the innermost first.
            quantities: What stands behind the user's own names: the loss, grad("…").
        """
        self.frames = frames
        self._quantities = quantities
        self.is_at_work = False
        self.let_signals_end: Callable[[bool], object] = lambda they_do: None

    def interrupt(self, why: str = "interrupted") -> None:
        """End the evaluation that is under way, from a signal's handler.

        Raises:
            Interrupted: Always.
        """
        self.is_at_work = False  # but once: what comes after it is cleaning up
        raise Interrupted(why)

    def value(self, text: str, frame: int = 1, limit: float = math.inf) -> Value:
        """What an expression is, in one of the frames, from 1; within so many seconds of the processor."""
        try:
            code = compiled(ast.parse(text.strip(), mode="eval"))
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            return Value(problem=_syntax(error, text.strip()))
        return self._guarded(lambda: in_words(self.evaluate(code, frame)), limit)

    def guarded(self, work: Callable[[], str]) -> Value:
        """Do something of the user's that is said in one line."""
        return self._guarded(lambda: Value(work()))

    def evaluate(self, code: Any, frame: int = 1) -> Any:
        """The object that compiled code gives in a frame; call it under `guarded`."""
        return eval(code, self.names(frame))

    def frame(self, number: int) -> FrameType | None:
        """A frame by its number, None if there is none at all."""
        frames = self.frames()
        if not 0 < number <= max(len(frames), 1):
            raise LookupError(f"there is no frame {number}: there are {len(frames)}")
        return frames[number - 1] if frames else None

    def names(self, number: int) -> dict[str, Any]:
        """All that has a name in a frame, in one dict: else a comprehension would not see the locals."""
        names: dict[str, Any] = {name: function for name, (function, _) in FUNCTIONS.items()}
        for name in NAMES:
            with contextlib.suppress(Unknown, ValueError):
                names[name] = names[OURS + name] = self._quantities[name]
        frame = self.frame(number)
        return names if frame is None else names | frame.f_globals | frame.f_locals

    def _guarded(self, work: Callable[[], Value], limit: float = math.inf) -> Value:
        with _as_if_nothing_had_been(), self._ends_after(limit):  # an interrupt must not leave half of it undone
            self.let_signals_end(True)
            try:
                return self._work(work)
            except Interrupted as error:
                return Value(problem=str(error))
            except BaseException:  # of an exception's own __str__
                return Value(problem="it raised an exception that can not be shown")
            finally:
                self.is_at_work = False
                self.let_signals_end(False)

    def _work(self, work: Callable[[], Value]) -> Value:
        self.is_at_work = True
        try:
            return work()
        except Interrupted:
            raise
        except BaseException as error:  # SystemExit and KeyboardInterrupt, too: they are the expression's
            return Value(problem=_in_one_line(error))

    @contextlib.contextmanager
    def _ends_after(self, limit: float) -> Iterator[None]:
        """Interrupt what takes more seconds of the processor; only the main thread can."""
        if math.isinf(limit) or threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(*_: object) -> None:
            if self.is_at_work:
                self.interrupt(TOO_LONG)

        before = signal.signal(signal.SIGVTALRM, end)
        signal.setitimer(signal.ITIMER_VIRTUAL, limit)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before or signal.SIG_DFL)


def compiled(tree: ast.Expression) -> CodeType:
    """The code of an expression, in which grad("fc1.weight") is ours, though there be a variable `grad`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) as called, args=[ast.Constant()]) if name in COLLECTIONS:
                called.id = OURS + name
    return compile(tree, "<expression>", "eval")


@contextlib.contextmanager
def _as_if_nothing_had_been() -> Iterator[None]:
    """Random numbers are afterwards where they were, and nothing that is computed is taken for the training's."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    with contextlib.ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        if numpy is not None:
            stack.callback(numpy.random.set_state, numpy.random.get_state())
        if torch is not None:
            from torch.utils._python_dispatch import _disable_current_modes

            stack.callback(torch.set_rng_state, torch.get_rng_state())
            if torch.cuda.is_initialized():
                stack.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
            stack.callback(torch.set_grad_enabled, torch.is_grad_enabled())
            stack.enter_context(torch._C.DisableTorchFunction())
            stack.enter_context(_disable_current_modes())
        yield


def in_words(value: Any) -> Value:
    """A value as it is sent."""
    text = _printable(repr(value))
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… {len(text) - LONGEST:,} characters more"
    return Value(text, _kind(value), _number(value))


def _kind(value: Any) -> str:
    shape, dtype = _shape(value), getattr(value, "dtype", None)
    if shape is None or dtype is None:
        return type(value).__name__
    return f"{str(dtype).rpartition('.')[2]} {'×'.join(map(str, shape))}".strip()


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a tensor or an array; a parameter that is not initialized yet raises where others have none."""
    with contextlib.suppress(Exception):
        return value.shape if isinstance(value.shape, tuple) else None
    return None


def _number(value: Any) -> float | None:
    shape = _shape(value)
    if not isinstance(value, int | float) and (shape is None or math.prod(shape) != 1):
        return None
    with contextlib.suppress(Exception):
        return float(value.detach() if hasattr(value, "detach") else value)
    return None


def _in_one_line(error: BaseException) -> str:
    first = next(iter(str(error).splitlines()), "")
    name = type(error).__name__
    return _printable(f"{name}: {first}" if first else name)[:500]


def _printable(text: str) -> str:
    """Without half characters, which no terminal takes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _syntax(error: BaseException, text: str) -> str:
    if not isinstance(error, SyntaxError):
        return _in_one_line(error)
    line = text.splitlines()[(error.lineno or 1) - 1] if text else ""
    at = min((error.offset or len(line) + 1) - 1, len(line))
    return f"{error.msg}\n{line}\n{' ' * at}^"
