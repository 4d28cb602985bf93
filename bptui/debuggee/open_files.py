"""The files that a training has open: a copy of it shares their offsets, unless it opens them anew."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTING = "/proc/self/fd"

_NOT_AGAIN = os.O_CREAT | os.O_EXCL | os.O_TRUNC


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file as it was.

    Attributes:
        fd: Its number in the process.
        flags: How it was opened.
        offset: Where it was read or written next, in bytes.
        size: How long it was, in bytes.
    """

    fd: int
    flags: int
    offset: int
    size: int

    @property
    def is_written(self) -> bool:
        """Whether it was opened to be written."""
        return self.flags & os.O_ACCMODE != os.O_RDONLY

    def open_anew(self) -> None:
        """Give this process an offset of its own: it stays while the others read and write on."""
        with contextlib.suppress(OSError):  # else the offset is shared, and put back when it is needed
            new = os.open(f"{_LISTING}/{self.fd}", self.flags & ~_NOT_AGAIN)
            inheritable = os.get_inheritable(self.fd)
            os.dup2(new, self.fd, inheritable)
            os.close(new)
        self.rewind()

    def rewind(self) -> None:
        """Go on from where it was."""
        with contextlib.suppress(OSError):
            os.lseek(self.fd, self.offset, os.SEEK_SET)

    def restore(self) -> None:
        """Cut off what was written since."""
        with contextlib.suppress(OSError):
            if self.is_written and os.fstat(self.fd).st_size > self.size:
                os.ftruncate(self.fd, self.size)
        self.rewind()


def open_files() -> list[OpenFile]:
    """The regular files that this process has open."""
    return list(_open_files())


def _open_files() -> Iterator[OpenFile]:
    for each in [*Path(_LISTING).iterdir()]:
        with contextlib.suppress(OSError):  # that of the listing itself is closed by now
            status = os.fstat(fd := int(each.name))
            if stat.S_ISREG(status.st_mode):
                flags = fcntl.fcntl(fd, fcntl.F_GETFL)
                yield OpenFile(fd, flags, os.lseek(fd, 0, os.SEEK_CUR), status.st_size)
