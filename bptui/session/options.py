"""What a session is started with."""

from __future__ import annotations

from dataclasses import dataclass

from bptui.records import OVERHEAD


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to run a target.

    Attributes:
        target: As given on the command line.
        arguments: The target's own.
        overhead: Of the running time, so much may go into graphs and statistics of only some samples.
        script: The interpreter's arguments that run the target as a script, () if it is a generator loop.
        recording: Where to record.
        log: Where to write the protocol, None for nowhere.
        listen: The fd of the listening socket for apps, None without apps.
        socket: The path of that socket.
    """

    target: str
    arguments: tuple[str, ...]
    recording: str
    log: str | None = None
    listen: int | None = None
    socket: str = ""
    script: tuple[str, ...] = ()
    overhead: float = OVERHEAD
