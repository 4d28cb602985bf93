"""What a session is started with."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from bptui.records import OVERHEAD, Breakpoint


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
        python: The interpreter that runs the target.
        keep_compile: Whether torch.compile compiles, and what it compiles is not traced.
        sample_at: What a script's sample ends with, as the user says; empty to find out.
        trace_from: From this sample of the run on, from 1, each one is traced in full; 0 for none.
        breakpoints: Where it stops.
        watches: What is watched.
        reverse: Whether copies of the training are made to return to.
        threads: With them, how many intra-op threads it has.
        checkpoint_memory: How many bytes they may take, 0 for a quarter of what is free.
        keep: The file in which they are kept from run to run, empty for none.
        epoch_length: How many samples an epoch of a script has, as the user says; 0 to find out.
    """

    target: str
    arguments: tuple[str, ...]
    recording: str
    log: str | None = None
    listen: int | None = None
    socket: str = ""
    script: tuple[str, ...] = ()
    overhead: float = OVERHEAD
    python: str = sys.executable
    keep_compile: bool = False
    sample_at: str = ""
    epoch_length: int = 0
    trace_from: int = 0
    breakpoints: tuple[Breakpoint, ...] = ()
    watches: tuple[str, ...] = ()
    keep: str = ""
    reverse: bool = False
    threads: int = 1
    checkpoint_memory: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """What a script's own process is told of how to listen."""
        return {
            "keep_compile": self.keep_compile,
            "sample_at": self.sample_at,
            "epoch_length": self.epoch_length,
        }
