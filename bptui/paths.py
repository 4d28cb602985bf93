"""Where recordings and sockets lie, and which old recordings go."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import socket
import stat
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from bptui.errors import BptuiError

KEPT_RECORDINGS = 50
"""So many automatic recordings are kept, the newest ones."""

KEPT_BYTES = 2 << 30
"""So many bytes of them."""

_APP = "bptui"
_DEAD_MAN_SWITCH = 128  # the byte that every user of a -shm file keeps locked (sqlite.org/walformat.html)


def new_recording(target: str) -> Path:
    """A path for the automatic recording of a target: its name and the time, in the user's state directory."""
    name = re.sub(r"[^\w.-]+", "-", Path(target.replace(":", "-")).name)[-60:]
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return recordings() / f"{stamp}-{name}-{secrets.token_hex(2)}.bptui"


def recordings() -> Path:
    """The directory of automatic recordings."""
    return platformdirs.user_state_path(_APP) / "recordings"


def kept() -> Path:
    """The directory of what is kept of each target from run to run."""
    return platformdirs.user_state_path(_APP) / "targets"


def history() -> Path:
    """The file of the lines that were typed after `:`."""
    return platformdirs.user_state_path(_APP) / "history"


def prune(keep: int = KEPT_RECORDINGS, size: int = KEPT_BYTES) -> None:
    """Delete old automatic recordings beyond `keep` files or `size` bytes; never the newest, never an open one."""
    found = sorted(_found(recordings()), key=lambda each: each[1].st_mtime, reverse=True)
    for number, (path, status) in enumerate(found):
        size -= status.st_size
        if (number >= keep or (size < 0 and number > 0)) and not _is_open(path):
            for part in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                with contextlib.suppress(OSError):
                    part.unlink()


def _found(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.glob("*.bptui"):
        with contextlib.suppress(OSError):  # another bptui prunes, too
            yield path, path.stat()


def _is_open(path: Path) -> bool:
    """Whether a process reads or writes this recording: then it holds a lock on SQLite's -shm file beside it."""
    try:
        with Path(f"{path}-shm").open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _DEAD_MAN_SWITCH)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def listen() -> tuple[socket.socket, Path]:
    """A listening socket for apps (mode 0600) in the runtime directory (mode 0700), and its path.

    Raises:
        BptuiError: The directory can not be made, or belongs to somebody else.
    """
    path = _runtime_directory() / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
        sock.listen()
    except OSError as error:
        sock.close()
        raise BptuiError(f"can not listen on {path}: {error.strerror or error}; set XDG_RUNTIME_DIR") from error
    finally:
        os.umask(mask)
    return sock, path


def sockets() -> tuple[Path, ...]:
    """The sockets of living sessions, the oldest first; dead ones are cleared away."""
    living = []
    for path in sorted(_runtime_directory().glob("*.sock"), key=lambda path: path.stat().st_mtime):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            try:
                sock.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                continue
            else:
                living.append(path)
    return tuple(living)


def _runtime_directory() -> Path:
    try:
        with warnings.catch_warnings(action="ignore"):  # without XDG_RUNTIME_DIR it lies in /tmp, checked below
            path = Path(platformdirs.user_runtime_dir(_APP))
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise BptuiError(f"no runtime directory for sockets: {error}; set XDG_RUNTIME_DIR") from error
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise BptuiError(f"{path} must belong to you alone (chmod 700 {path})")
    return path
