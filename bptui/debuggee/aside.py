"""A copy of the training that only looks: nothing that it does while it executes a sample again reaches others."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Container
from pathlib import Path
from types import FrameType
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_ACTS = frozenset(
    ("subprocess.Popen", "socket.connect", "socket.sendto", "socket.sendmsg", "sqlite3.connect", "os.chmod",
     "os.chown", "os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.link", "os.mkdir",
     "os.posix_spawn", "os.remove", "os.rename", "os.rmdir", "os.spawn", "os.symlink", "os.system", "os.truncate",
     "os.utime")
)  # fmt: skip


_IMPORT = "<frozen importlib._bootstrap>"


def stand_aside(ours: Container[int], say: Callable[[str], None]) -> None:
    """Write into nothing from now on, and end before anything else is opened to be written, or started.

    What C++ does behind Python's back is not seen, but for torch.save.

    Args:
        ours: The fds by which we are connected.
        say: Told why it ends.
    """

    def end(act: str) -> None:
        if _is_importing():
            return
        with contextlib.suppress(OSError):
            say(f"it would {act}, which is done only once")
        os._exit(1)

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if flags & _WRITES and not isinstance(path, int) and path != os.devnull:
                end(f"write {path}")
        elif event in _ACTS or event.startswith("shutil."):
            end(f"call {event}")

    with contextlib.suppress(OSError):
        tempfile.gettempdir()  # tries it out with a file, once: torch's late imports ask for it
    sys.dont_write_bytecode = True
    null = os.open(os.devnull, os.O_RDWR)
    for fd in [int(each.name) for each in Path("/proc/self/fd").iterdir()]:
        if fd not in ours and fd != null and _leads_outside(fd):
            os.dup2(null, fd, inheritable=False)
    torch = sys.modules.get("torch.serialization")
    if torch is not None:
        torch._open_zipfile_writer = lambda *_: end("call torch.save")  # type: ignore[attr-defined]
    sys.addaudithook(watch)


def _is_importing() -> bool:
    """Whether a module is being imported: the caches that some make then are for everybody."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != _IMPORT:
        frame = frame.f_back
    return frame is not None


def _leads_outside(fd: int) -> bool:
    """Whether somebody else can see what is written there, or would miss what is read."""
    try:
        mode, flags = os.fstat(fd).st_mode, fcntl.fcntl(fd, fcntl.F_GETFL)
    except OSError:  # that of the listing itself is closed by now
        return False
    if stat.S_ISREG(mode):
        return flags & os.O_ACCMODE != os.O_RDONLY
    return stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
