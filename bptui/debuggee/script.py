"""Joins an unmodified script to the session: before its first line, when it imports torch, and at its end."""

from __future__ import annotations

import atexit
import contextlib
import importlib.machinery
import os
import platform
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from bptui.debuggee import nudges
from bptui.debuggee.copying import Copying
from bptui.debuggee.error_line import error_line
from bptui.debuggee.own_channel import OwnChannel, OwnSocket, open_ring
from bptui.debuggee.own_frames import cut_our_frames
from bptui.debuggee.process import die_with_parent
from bptui.debuggee.stepper import Quitting, Stepper
from bptui.debuggee.terminal_marks import TerminalMarks
from bptui.debuggee.torch_import import TorchFinder
from bptui.protocol import Channel, Doing, Ended, Found, Loaded
from bptui.records import Target

_GONE = (EOFError, OSError)


def join(channel_fd: int, memory_fd: int, checkpoints: str = "", threads: int = 1, **settings: Any) -> None:
    """Connect, pause before the first line, and listen from then on.

    Args:
        channel_fd: The channel to the session.
        memory_fd: The memory that is shared with the session.
        checkpoints: The address at which copies of the process wait, empty if none are to be made.
        threads: With copies, how many intra-op threads torch has.
        **settings: What the session was told of how to listen, as `Hooks` takes it.
    """
    die_with_parent()
    for fd in (channel_fd, memory_fd):  # what the script starts has no part in them
        os.set_inheritable(fd, False)
    socket = OwnSocket(channel_fd)
    ring = open_ring(memory_fd, Channel(socket))
    channel = OwnChannel(socket, ring)
    marks = TerminalMarks(lambda: stepper.producing)
    stepper = Stepper(channel, ring, marks)
    os.close(memory_fd)
    script = _Script(channel, stepper, marks, settings, Copying(checkpoints, threads))
    os.register_at_fork(after_in_child=script.leave)
    sys.excepthook = _without_our_frames(sys.excepthook)
    atexit.register(script.end)  # registered first, it runs last
    os._exit = script.wrap_exit(os._exit)  # type: ignore[assignment]
    if "torch" in sys.modules:
        script.on_torch()
    else:
        sys.meta_path.insert(0, TorchFinder(script.before_torch, script.on_torch))
    stepper.resume = script.resume
    nudges.listen(stepper, script.is_training)
    script.begin()


class _Script:
    """The life of a script under bptui."""

    def __init__(
        self,
        channel: Channel,
        stepper: Stepper,
        marks: TerminalMarks,
        settings: Mapping[str, Any],
        copying: Copying,
    ) -> None:
        self._channel = channel
        self._settings = settings
        self._copying = copying
        self._stepper = stepper
        self._marks = marks
        self._at_end: Callable[[], None] = lambda: None
        self._at_fork: Callable[[], None] = lambda: None
        self._at_resume: Callable[[], None] = lambda: None
        self._is_ours = True

    def begin(self) -> None:
        """Say what runs, and pause before its first line."""
        self._channel.send(_loaded())
        try:
            self._stepper.wait()
        except (Quitting, *_GONE):
            os._exit(0)

    def before_torch(self) -> None:
        """Say what the waiting is for."""
        if self._is_ours:
            with contextlib.suppress(*_GONE):
                self._channel.send(Doing("importing torch"))

    def on_torch(self) -> None:
        """Listen to torch, now that it is there."""
        if self._is_ours:
            with contextlib.suppress(*_GONE):
                try:
                    self._listen()
                except ImportError as error:  # no numpy there
                    self._channel.send(Found({"trouble": f"bptui can not listen: {error}"}))

    def _listen(self) -> None:
        from bptui.debuggee.hooks import Hooks

        hooks = Hooks(self._stepper, self._channel, **self._settings)
        self._at_end, self._at_fork, self._at_resume = hooks.finish, hooks.leave, hooks.resume
        hooks.install()
        if self._copying.address:
            self._copying.prepare(self._channel)
            if self._stepper.begin_checkpoints(self._copying.address, self._copying.threads):
                hooks.begin()

    def is_training(self) -> bool:
        """Whether this is the script's own process, and it is not over."""
        return self._is_ours

    def resume(self) -> None:
        """Go on after a stop in the midst of a sample."""
        self._at_resume()

    def end(self) -> None:
        """Say how it ended; the exit code is the process's own."""
        if self._is_ours:
            self._is_ours = False
            with contextlib.suppress(*_GONE):
                self._at_end()
                self._stepper.flush()
                error = getattr(sys, "last_value", None)
                if error is not None:
                    self._stepper.fail(error)
                self._channel.send(_ended())

    def wrap_exit(self, exit_: Callable[[int], object]) -> Callable[[int], object]:
        """os._exit, which first sends what is not sent yet."""

        def exit_at_once(status: int) -> object:
            if self._is_ours:
                with contextlib.suppress(*_GONE):
                    self._stepper.flush()
                    self._channel.send(Ended(f"os._exit({status})"))
            return exit_(status)

        return exit_at_once

    def leave(self) -> None:
        """In a forked child: it neither speaks for the script nor stops."""
        if self._stepper.checkpoints.is_forking:
            return
        self._is_ours = False
        self._marks.leave()
        self._stepper.leave()
        self._at_fork()


def _ended() -> Ended:
    """The exception that ended the script, which Python keeps for a post-mortem, or nothing."""
    error = getattr(sys, "last_value", None)
    if error is None:
        return Ended()
    cut_our_frames(error)
    text = "".join(traceback.format_exception(error))
    return Ended(error_line(error), text, 1)


def _without_our_frames(before: Callable[..., object]) -> Callable[..., None]:
    def hook(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
        cut_our_frames(error)
        before(kind, error, frames)

    return hook


def _loaded() -> Loaded:
    """What runs, from the interpreter's own command line: sys.argv is not set yet."""
    arguments = sys.orig_argv[1:]
    name = " ".join(arguments)
    path = _file_of_module(arguments[1]) if arguments[0] == "-m" else arguments[0]
    path = str(Path(path).resolve()) if path else ""
    source = ""
    with contextlib.suppress(OSError):
        source = Path(path).read_text("utf-8", "replace") if path else ""
    return Loaded(Target(name, name, path, 1, {}, platform.python_version()), source)


def _file_of_module(name: str) -> str:
    """The file that `python -m name` runs; nothing is imported to find it."""
    where: list[str] | None = [str(Path.cwd()), *sys.path]
    spec = None
    for part in [*name.split("."), "__main__"]:
        if where is None:
            break
        found = importlib.machinery.PathFinder.find_spec(part, where)
        if found is None:
            break
        spec, where = found, found.submodule_search_locations
    return (spec.origin if spec else None) or ""
