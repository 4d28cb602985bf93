"""Our channel in a process that is not ours: the script may close it, or open a file under its number."""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from bptui.protocol import SHARED_BYTES, Channel, Full, Message, Ring

_ROOM_AFTER = 0.005
"""Seconds between two looks whether the session has made room."""


class Lost(Exception):
    """The script has closed our fd."""


class OwnSocket(socket.socket):
    """A socket that looks whether it still is one before it is used."""

    def __init__(self, fd: int) -> None:
        super().__init__(fileno=fd)
        self.renew()

    def renew(self) -> None:
        """What has its number now is ours, too."""
        self._inode = os.fstat(self.fileno()).st_ino

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.check()
        super().sendall(data, flags)

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.check()
        return super().recv(size, flags)

    def check(self) -> None:
        """Look whether it still is ours.

        Raises:
            Lost: It is not.
        """
        try:
            is_ours = os.fstat(self.fileno()).st_ino == self._inode
        except OSError:
            is_ours = False
        if not is_ours:
            self.detach()  # whatever has its number now is not ours to close
            raise Lost


class OwnChannel(Channel):
    """A channel whose messages arrive even if it is lost; only commands do not any more."""

    def __init__(self, sock: OwnSocket, ring: Ring) -> None:
        """Speak over the socket, and into the ring when that is lost."""
        super().__init__(sock)
        self._own, self._ring = sock, ring

    @property
    def is_open(self) -> bool:
        try:
            self._own.check()
        except Lost:
            return False
        return True

    def reconnect(self, sock: socket.socket) -> None:
        super().reconnect(sock)
        self._own.renew()

    def send(self, *messages: Message) -> None:
        try:
            super().send(*messages)
        except Lost:
            self._ring.put(*messages)

    def poll(self) -> Iterator[Message]:
        with contextlib.suppress(Lost):
            yield from super().poll()


def open_ring(memory: int, channel: Channel) -> Ring:
    """The ring in this shared memory; while it is full, the session is told so over the channel."""

    def wait() -> None:
        with contextlib.suppress(Lost):
            channel.send(Full())
        time.sleep(_ROOM_AFTER)

    return Ring(mmap.mmap(memory, SHARED_BYTES), wait)
