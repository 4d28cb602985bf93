"""The app's end of the session's socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.message_pump import MessagePump

from bptui.app.messages import AnswerArrived, SessionLost, StatusArrived, Welcomed
from bptui.errors import ProtocolError
from bptui.protocol import (
    PROTOCOL_VERSION,
    Answer,
    Attach,
    Command,
    Status,
    Welcome,
    encode,
    read_message,
)
from bptui.protocol.framing import LONGEST_LINE


class Link:
    """Sends commands to a session and posts its notices.

    Attributes:
        socket: Where the session listens.
        viewer: Whether to look only.
    """

    def __init__(self, socket: Path, viewer: bool = False) -> None:
        self.socket = socket
        self.viewer = viewer
        self._writer: asyncio.StreamWriter | None = None

    async def follow(self, app: MessagePump) -> None:
        """Connect, then post what the session says until it is gone."""
        try:
            reader, self._writer = await asyncio.open_unix_connection(str(self.socket), limit=LONGEST_LINE)
            self.send(Attach(PROTOCOL_VERSION, self.viewer))
            while (notice := await read_message(reader)) is not None:
                if isinstance(notice, Welcome) and notice.version != PROTOCOL_VERSION:
                    raise ProtocolError(f"the session speaks version {notice.version}, not {PROTOCOL_VERSION}")
                if isinstance(notice, Welcome):
                    app.post_message(Welcomed(notice))
                elif isinstance(notice, Status):
                    app.post_message(StatusArrived(notice))
                elif isinstance(notice, Answer):
                    app.post_message(AnswerArrived(notice))
            why = "its process ended"
        except (OSError, ProtocolError) as error:
            why = str(error)
        finally:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        app.post_message(SessionLost(why))

    def send(self, command: Command) -> None:
        """Say something to the session, if it is there."""
        if self._writer is not None:
            self._writer.write(encode(command))

    async def flush(self) -> None:
        """Wait until what was said is on its way."""
        if self._writer is not None:
            await self._writer.drain()
