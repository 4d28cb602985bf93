"""What a session is started with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to run a target.

    Attributes:
        target: As given on the command line.
        arguments: The target's own.
        script: The interpreter's arguments that run the target as a script, () if it is a generator loop.
        recording: Where to record.
        log: Where to write the protocol, None for nowhere.
        listen: The fd of the listening socket for apps, None without apps.
        socket: The path of that socket.
        sample_at: What a script's sample ends with, as the user says; empty to find out.
        epoch_length: How many samples an epoch of a script has, as the user says; 0 to find out.
    """

    target: str
    arguments: tuple[str, ...]
    recording: str
    log: str | None = None
    listen: int | None = None
    socket: str = ""
    script: tuple[str, ...] = ()
    sample_at: str = ""
    epoch_length: int = 0
