"""Joins an unmodified script to the session: before its first line, when it imports torch, and at its end."""

from __future__ import annotations

import atexit
import contextlib
import importlib.abc
import importlib.machinery
import mmap
import os
import platform
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TextIO

from bptui.debuggee.process import die_with_parent
from bptui.debuggee.stepper import Quitting, Stepper
from bptui.protocol import Channel, Doing, Ended, Loaded
from bptui.records import Target


def join(channel_fd: int, flag_fd: int) -> None:
    """Connect, pause before the first line, and listen from then on."""
    die_with_parent()
    for fd in (channel_fd, flag_fd):  # what the script starts has no part in them
        os.set_inheritable(fd, False)
    channel = Channel(socket.socket(fileno=channel_fd))
    stepper = Stepper(channel, memoryview(mmap.mmap(flag_fd, 1)), _Marks(lambda: stepper.producing))
    script = _Script(channel, stepper)
    os.register_at_fork(after_in_child=script.leave)
    sys.excepthook = script.wrap_excepthook(sys.excepthook)
    atexit.register(script.end)  # registered first, it runs last
    sys.meta_path.insert(0, _TorchFinder(script.before_torch, script.on_torch))
    script.begin()


class _Script:
    """The life of a script under bptui."""

    def __init__(self, channel: Channel, stepper: Stepper) -> None:
        self._channel = channel
        self._stepper = stepper
        self._ended = Ended()
        self._finish: list[Callable[[], None]] = []
        self._is_ours = True

    def begin(self) -> None:
        """Say what runs, and pause before its first line."""
        self._channel.send(_loaded())
        try:
            self._stepper.wait()
        except (Quitting, EOFError, OSError):
            os._exit(0)

    def before_torch(self) -> None:
        """Say what the waiting is for."""
        if self._is_ours:
            self._channel.send(Doing("importing torch"))

    def on_torch(self) -> None:
        """Listen to torch, now that it is there."""
        from bptui.debuggee.hooks import Hooks

        hooks = Hooks(self._stepper, self._channel)
        hooks.install()
        self._finish.append(hooks.finish)

    def wrap_excepthook(self, before: Callable[..., object]) -> Callable[..., None]:
        """Keep the traceback of what ends the script; what the hook before does is done as well."""

        def hook(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
            if not isinstance(error, Quitting):
                text = "".join(traceback.format_exception(kind, error, frames))
                self._ended = Ended(text.strip().splitlines()[-1], text, 1)
                before(kind, error, frames)

        return hook

    def end(self) -> None:
        """Say how it ended; the exit code is the process's own."""
        if self._is_ours:
            with contextlib.suppress(EOFError, OSError):
                for finish in self._finish:
                    finish()
                self._stepper.flush()
                self._channel.send(self._ended)

    def leave(self) -> None:
        """In a forked child: it neither speaks for the script nor stops."""
        self._is_ours = False
        self._stepper.leave()


class _Marks:
    """Marks in the script's own terminal, which nobody sees, to which step its text belongs.

    The script's sys.stdout and sys.stderr stay what they are; only their `write` says first where it is.
    """

    def __init__(self, step: Callable[[], int]) -> None:
        self._step = step
        self._marked: int | None = None
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.write = self._marking(stream)  # type: ignore[method-assign]

    def flush(self) -> None:
        """Send what was printed so far."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the script may have put anything there
                stream.flush()

    def mark(self) -> None:
        """Say which step begins now, unless it was the last to be said."""
        step = self._step()
        if step != self._marked:
            self._marked = step
            with contextlib.suppress(OSError):
                os.write(1, b"\x1b_bptui;%d\x1b\\" % step)

    def _marking(self, stream: TextIO) -> Callable[[str], int]:
        write = stream.write

        def marking_write(text: str) -> int:
            if self._step() != self._marked:
                stream.flush()
                self.mark()
            return write(text)

        return marking_write


class _TorchFinder(importlib.abc.MetaPathFinder):
    """Calls back before torch is imported, and once it is."""

    def __init__(self, before: Callable[[], None], after: Callable[[], None]) -> None:
        self._before = before
        self._after = after

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Torch's own spec, with a loader that calls back; of everything else, nothing."""
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                self._before()
                execute(module)
                self._after()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _loaded() -> Loaded:
    """What runs, from the interpreter's own command line: sys.argv is not set yet."""
    arguments = sys.orig_argv[1:]
    if arguments[:1] == ["-m"]:
        spec = importlib.util.find_spec(arguments[1])
        path = (spec.origin if spec else None) or ""
        name = " ".join(arguments)
    else:
        path = str(Path(arguments[0]).resolve())
        name = " ".join(arguments)
    with contextlib.suppress(OSError):
        return Loaded(
            Target(name, name, path, 1, {}, platform.python_version()), Path(path).read_text("utf-8", "replace")
        )
    return Loaded(Target(name, name, path, 1, {}, platform.python_version()), "")
