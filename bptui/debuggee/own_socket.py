"""Our socket in a process that is not ours: the script may close it, or open a file under its number."""

from __future__ import annotations

import os
import socket
from typing import Any


class Lost(Exception):
    """The script has closed our fd."""


class OwnSocket(socket.socket):
    """A socket that looks whether it still is one before it is used."""

    def __init__(self, fd: int) -> None:
        super().__init__(fileno=fd)
        self._inode = os.fstat(fd).st_ino

    def sendall(self, data: Any, flags: int = 0) -> None:
        self._check()
        super().sendall(data, flags)

    def recv(self, size: int, flags: int = 0) -> bytes:
        self._check()
        return super().recv(size, flags)

    def _check(self) -> None:
        try:
            is_ours = os.fstat(self.fileno()).st_ino == self._inode
        except OSError:
            is_ours = False
        if not is_ours:
            self.detach()  # whatever has its number now is not ours to close
            raise Lost
