"""Lines of JSON over a stream socket: blocking for the debuggee, asyncio for session and app."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

from bptui.errors import ProtocolError
from bptui.protocol.codec import decode, encode
from bptui.protocol.messages import Message

LONGEST_LINE = 64 << 20
"""A longer line is no message of ours."""


class LineSplitter:
    """Cuts a stream of bytes into whole lines and keeps the rest for the next piece."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that `piece` completes, without their newlines."""
        *lines, self.rest = (self.rest + piece).split(b"\n")
        return lines


class Channel:
    """The blocking end of a message stream, for a process without an event loop."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._splitter = LineSplitter()
        self._pending: list[Message] = []

    @property
    def is_open(self) -> bool:
        """Whether there still is a stream."""
        return True

    def reconnect(self, sock: socket.socket) -> None:
        """Go on over another socket, of which nothing was read; its fd gets the number of the one before."""
        os.dup2(sock.fileno(), self.sock.fileno(), inheritable=False)
        sock.close()
        self._splitter, self._pending = LineSplitter(), []

    def send(self, *messages: Message) -> None:
        """Write the messages, waiting while the other side is slow.

        Raises:
            OSError: The other side is gone.
        """
        self.sock.sendall(b"".join(map(encode, messages)))

    def receive(self) -> Message:
        """The next message, waiting for it.

        Raises:
            EOFError: The other side is gone.
        """
        while not self._pending:
            self._take(self.sock.recv(1 << 16))
        return self._pending.pop(0)

    def poll(self) -> Iterator[Message]:
        """The messages that are already here, without waiting.

        Raises:
            EOFError: The other side is gone.
        """
        with contextlib.suppress(BlockingIOError):
            self._take(self.sock.recv(1 << 16, socket.MSG_DONTWAIT))
        while self._pending:
            yield self._pending.pop(0)

    def _take(self, piece: bytes) -> None:
        if not piece:
            raise EOFError("the session is gone")
        self._pending += map(decode, self._splitter.feed(piece))


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """The next message of an asyncio stream, None at its end.

    Raises:
        ProtocolError: The line is no message of ours.
    """
    try:
        line = await reader.readline()
    except ConnectionError:
        return None
    except ValueError as error:
        raise ProtocolError(f"a message of more than {LONGEST_LINE} bytes") from error
    return decode(line) if line.endswith(b"\n") else None
