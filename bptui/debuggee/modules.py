"""Which files of the user's own are loaded."""

from __future__ import annotations

import sys
import sysconfig

from bptui.debuggee.own_frames import OURS

INSTALLED = ("<", OURS, *{sysconfig.get_paths()[key] for key in ("stdlib", "purelib", "platlib")})
"""How the paths of files begin that are neither the user's nor what was installed from a working tree."""


def user_files() -> tuple[str, ...]:
    """The Python files of the modules that are imported, without installed ones."""
    files = (getattr(module, "__file__", None) for module in tuple(sys.modules.values()))
    return tuple(sorted({path for path in files if isinstance(path, str) and not path.startswith(INSTALLED)}))
