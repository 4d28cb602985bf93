"""`bptui run`: start a session and open the app on it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bptui import kept, paths
from bptui.breakpoints import parse_breakpoint
from bptui.commands.python import check_python
from bptui.errors import BptuiError
from bptui.loops import LESSONS
from bptui.protocol import to_json
from bptui.recording.reader import Reader
from bptui.recording.writer import check_recordable
from bptui.records import OVERHEAD, Breakpoint
from bptui.session.options import SessionOptions
from bptui.session.threads import check_threads

if TYPE_CHECKING:
    from bptui.app.outcome import Outcome


def session_options(
    target: str,
    arguments: tuple[str, ...],
    recording: Path | None,
    log: Path | None,
    is_module: bool = False,
    python: str = "",
    keep_compile: bool = False,
    sample_at: str = "",
    epoch_length: int = 0,
    overhead: float = OVERHEAD,
    breakpoints: tuple[str, ...] = (),
    keeps: bool = False,
    trace_from: int = 0,
    reverse: bool = False,
    threads: int = 1,
    checkpoint_memory: int = 0,
) -> SessionOptions:
    """What a session of this target is started with; an automatic recording makes room for itself.

    Args:
        target: As given on the command line.
        arguments: The target's own.
        recording: Where to record, None for the state directory.
        log: Where to write the protocol.
        is_module: Whether the target is a module to be run as a script.
        python: The interpreter that is to run it, empty for our own.
        keep_compile: Whether torch.compile is left alone.
        sample_at: What a script's sample ends with, empty to find out.
        epoch_length: How many samples an epoch of a script has, 0 to find out.
        overhead: Of the running time, so much may go into graphs and statistics of only some samples.
        breakpoints: Where it stops, as they are written.
        trace_from: From this sample of the run on, from 1, each one is traced in full; 0 for none.
        reverse: Whether copies of the training are made to return to.
        threads: With them, how many intra-op threads it has.
        checkpoint_memory: How many bytes they may take, 0 for a quarter of what is free.
        keeps: Whether it stops, too, where it did when it was run before, and that is kept for the next time.

    Raises:
        BptuiError: There can be no such target, no such interpreter, or no such breakpoint.
    """
    asked = [parse_breakpoint(text) for text in breakpoints]
    interpreter = check_python(python) if python else sys.executable
    check_threads(threads)
    script = _script(target, arguments, is_module)
    if not script:
        _check(target)
        if sample_at or epoch_length:
            raise BptuiError("--sample-at and --epoch-length are for scripts: a loop says by itself what they say")
    if recording is None:
        paths.prune()
        recording = paths.new_recording(target)
    check_recordable(recording)
    path = str(log.absolute()) if log else None
    keep = kept.path_of(target, bool(script and not is_module)) if keeps else None
    before = kept.load(keep) if keep else kept.Kept("")
    return SessionOptions(
        target, arguments, str(recording.absolute()), path, script=script,
        python=interpreter, keep_compile=keep_compile, sample_at=sample_at, epoch_length=epoch_length,
        overhead=overhead, trace_from=trace_from, breakpoints=_numbered(before.breakpoints, asked),
        watches=before.watches, reverse=reverse, threads=threads, checkpoint_memory=checkpoint_memory,
        keep=str(keep or ""),
    )  # fmt: skip


def _numbered(before: Sequence[Breakpoint], asked: Sequence[Breakpoint]) -> tuple[Breakpoint, ...]:
    """Those of the runs before, then those that are new."""
    known = {each.text for each in before}
    new = [each for each in asked if each.text not in known]
    return tuple(replace(each, id=number) for number, each in enumerate((*before, *new), 1))


def _script(target: str, arguments: tuple[str, ...], is_module: bool) -> tuple[str, ...]:
    """The interpreter's arguments for a script, () for what is none."""
    if is_module:
        return ("-m", target, *arguments)
    if target.endswith(".py") and not Path(target).is_file():
        raise BptuiError(f"no such file: {target}")
    return (target, *arguments) if target.endswith(".py") else ()


def _check(target: str) -> None:
    """Say at once, without importing torch, what can be no target."""
    path, colon, _ = target.rpartition(":")
    if target not in LESSONS and not colon:
        raise BptuiError(
            f"no such target {target!r}: give a lesson (bptui lessons lists them), "
            "file.py, package.module:function or file.py:function"
        )
    if path.endswith(".py") and not Path(path).is_file():
        raise BptuiError(f"no such file: {path}")


def run(options: Callable[[], SessionOptions], theme: str) -> int:
    """Start a session in a process of its own and open the app on it.

    Args:
        options: Makes what it is started with, once there is a terminal to draw on.
        theme: The colours, empty for those that were chosen last.

    Returns:
        0, or the exit code of a refusal or of a signal.
    """
    check_terminal()
    check_theme(theme)
    session, socket = start_session(options())
    outcome = show(socket, theme=theme)
    if outcome.detached:
        print("bptui: the session is left as it is; bptui attach comes back to it")
        return outcome.code
    return _conclude(session, outcome)


def start_session(options: SessionOptions) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a session's process; its socket takes apps at once, though torch is still to be imported."""
    listener, path = paths.listen()
    options = replace(options, listen=listener.fileno(), socket=str(path))
    session = subprocess.Popen(
        [sys.executable, "-m", "bptui.session", to_json(options)],
        pass_fds=[listener.fileno()], start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    listener.close()
    return session, path


def _conclude(session: subprocess.Popen[bytes], outcome: Outcome) -> int:
    try:
        _, errors = session.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        session.kill()
        _, errors = session.communicate()
    failed = session.returncode != 0 and not outcome.code
    text = outcome.text or (errors.decode(errors="replace").strip() if session.returncode else "")
    if text:
        print(text, file=sys.stderr if outcome.code or failed else sys.stdout)
    return session.returncode if failed else outcome.code


def check_terminal() -> None:
    """Make sure that there is a terminal to draw on.

    Raises:
        BptuiError: There is none, or it can not move its cursor.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BptuiError("the app needs a terminal; bptui record runs without one")
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        raise BptuiError(
            "TERM is dumb: this terminal can not show the app; set TERM (xterm-256color), or use bptui record"
        )


def check_theme(theme: str) -> None:
    """Make sure that there is such a theme, if one was named.

    Raises:
        BptuiError: There is none.
    """
    if theme:
        from textual.theme import BUILTIN_THEMES

        from bptui.app.themes import THEMES

        if THEMES.get(theme, theme) not in BUILTIN_THEMES:
            raise BptuiError(f"no theme {theme!r}: {', '.join([*THEMES, *BUILTIN_THEMES])}")


def show(socket: Path | None, viewer: bool = False, reader: Reader | None = None, theme: str = "") -> Outcome:
    """Run the app until the user leaves it."""
    from bptui.app.app import BptuiApp
    from bptui.app.link import Link
    from bptui.app.outcome import Outcome
    from bptui.app.themes import THEMES

    check_theme(theme)
    app = BptuiApp(Link(socket, viewer) if socket else None, reader)
    if theme:
        app.theme = THEMES.get(theme, theme)
    # To look for garbage among all that there is takes 70 ms, mostly in the midst of a frame: a fifth as often.
    gc.set_threshold(*gc.get_threshold()[:2], 50)
    outcome = app.run()
    return outcome if outcome is not None else Outcome(code=app.return_code or 0)
