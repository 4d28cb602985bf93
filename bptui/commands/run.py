"""`bptui run`: start a session and open the app on it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bptui import paths
from bptui.errors import BptuiError
from bptui.loops import LESSONS
from bptui.protocol import to_json
from bptui.session.options import SessionOptions


def session_options(target: str, arguments: tuple[str, ...], recording: Path | None, log: Path | None) -> SessionOptions:
    """What a session of this target is started with; an automatic recording makes room for itself.

    Raises:
        BptuiError: There can be no such target.
    """
    _check(target)
    if recording is None:
        paths.prune()
        recording = paths.new_recording(target)
    return SessionOptions(target, arguments, str(recording.absolute()), str(log.absolute()) if log else None)


def _check(target: str) -> None:
    """Say at once, without importing torch, what can be no target."""
    path, colon, _ = target.rpartition(":")
    if target not in LESSONS and not colon:
        raise BptuiError(
            f"no such target {target!r}: give a lesson ({', '.join(LESSONS)}), package.module:function or file.py:function"
        )
    if path.endswith(".py") and not Path(path).is_file():
        raise BptuiError(f"no such file: {path}")
