"""`--python PATH`: another environment's interpreter, looked at before anything is started."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bptui.errors import BptuiError

OLDEST = (3, 11)
"""Since this version of Python what runs in it works."""

_ASK = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"
_PATIENCE = 20.0  # seconds: a cold network drive


def check_python(path: str) -> str:
    """The absolute path of an interpreter that can run a target.

    Args:
        path: A path, or a name on PATH.

    Raises:
        BptuiError: It is not there, is no Python, or is too old.
    """
    found = shutil.which(path)
    if found is None:
        raise BptuiError(f"--python: {_why_not(path)}")
    version = _version(found)
    if version is None:
        raise BptuiError(f"--python: {path} is no Python: asked for its version, it does not say it")
    if version < OLDEST:
        given, needed = (".".join(map(str, each)) for each in (version, OLDEST))
        raise BptuiError(f"--python: {path} is Python {given}; bptui needs {needed} or newer")
    return os.path.abspath(found)  # noqa: PTH100 - a virtual environment's is a link that must not be followed


def _why_not(path: str) -> str:
    if Path(path).is_dir():
        return f"{path} is a directory; give its interpreter, as in {Path(path) / 'bin' / 'python'}"
    return f"{path} can not be executed" if Path(path).exists() else f"no such file: {path}"


def _version(path: str) -> tuple[int, ...] | None:
    try:
        done = subprocess.run(
            [path, "-S", "-c", _ASK], capture_output=True, text=True, timeout=_PATIENCE, check=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return tuple(map(int, done.stdout.split(".")))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
