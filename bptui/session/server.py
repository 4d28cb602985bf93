"""The Unix socket at which apps command a session and are told of it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

from bptui.errors import ProtocolError
from bptui.protocol import PROTOCOL_VERSION, Attach, Message, Notice, Welcome, encode, read_message
from bptui.session.options import SessionOptions
from bptui.session.session import Session

LINGER = 3600.0
"""Seconds that a session that waits, for a command or for the target to load, waits for an app to come back."""

FAREWELL = 0.5
"""Seconds that an app gets to take the last that is said to it."""

_BACKLOG = 1 << 20  # bytes: an app that does not read so much any more is let go


class Server:
    """Serves a session to any number of apps."""

    def __init__(self, options: SessionOptions) -> None:
        self._apps: set[asyncio.StreamWriter] = set()
        self._serving: dict[asyncio.StreamWriter, asyncio.Task[Any]] = {}
        self._options = options
        self._session = Session(options, self._broadcast, is_seen=lambda: bool(self._apps), answer=self._broadcast)

    async def serve(self) -> None:
        """Run the session until an app says `Quit`, or until nobody needs it any more."""
        sock = socket.socket(fileno=self._options.listen)
        server = await asyncio.start_unix_server(self._welcome, sock=sock)
        lonely = asyncio.create_task(self._end_when_lonely())
        try:
            await self._session.start()
            await self._session.over.wait()
        finally:
            lonely.cancel()
            server.close()
            Path(self._options.socket).unlink(missing_ok=True)
            try:
                await self._session.close()
            finally:
                await self._let_go()

    def end(self) -> None:
        """Have `serve` come to its end."""
        self._session.over.set()

    async def _let_go(self) -> None:
        """Close all connections, and wait for those who serve them."""
        for writer in self._serving:
            writer.close()
        if self._serving:
            await asyncio.wait(self._serving.values(), timeout=FAREWELL)
        for writer in self._serving:  # one that does not read what was said to it
            writer.transport.abort()
        if self._serving:
            await asyncio.wait(self._serving.values())

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving[writer] = task
        try:
            hello = await read_message(reader)
            if isinstance(hello, Attach):
                self._session.log("app→session", hello)
                await self._serve(hello, reader, writer)
        except (ProtocolError, RecursionError):
            pass  # not one of ours, or of another version: its connection ends, the session does not
        finally:
            self._apps.discard(writer)
            self._serving.pop(writer)
            writer.close()

    async def _serve(self, hello: Attach, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._say(writer, Welcome(PROTOCOL_VERSION, self._options.recording))
        if hello.version != PROTOCOL_VERSION:
            return
        self._apps.add(writer)
        self._say(writer, self._session.status)
        while (command := await read_message(reader)) is not None:
            self._session.log("app→session", command)
            if not hello.viewer:
                await self._session.obey(command)

    def _broadcast(self, notice: Notice) -> None:
        for writer in tuple(self._apps):
            self._say(writer, notice)

    def _say(self, writer: asyncio.StreamWriter, notice: Message) -> None:
        self._session.log("session→app", notice)
        if writer.transport.get_write_buffer_size() > _BACKLOG:
            self._apps.discard(writer)
            writer.transport.abort()
        else:
            writer.write(encode(notice))

    async def _end_when_lonely(self) -> None:
        """Without an app: at the end of the training, or when nothing has moved for `LINGER` seconds."""
        alone = 0.0
        while True:
            await asyncio.sleep(1.0)
            state = self._session.status.state
            alone = 0.0 if self._apps or state == "running" else alone + 1.0
            if alone > (LINGER if state in ("paused", "starting") else 2.0):
                self._session.over.set()
