"""A session as `bptui run` starts it, commanded from here."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from benchmarks.timing import environment
from bptui import paths
from bptui.breakpoints import parse_breakpoint
from bptui.protocol import (
    PROTOCOL_VERSION,
    Attach,
    Breakpoints,
    Channel,
    Pause,
    Quit,
    Reset,
    Status,
    Step,
    Travel,
    Welcome,
    Zoom,
    to_json,
)
from bptui.protocol.messages import Granularity
from bptui.records import OVERHEAD
from bptui.session.options import SessionOptions


class House:
    """A session process and its one app.

    Attributes:
        status: What the session said last.
        socket: Where it listens.
        recording: What it writes.
        on_status: Called with whatever it says.
    """

    def __init__(self, target: str, *arguments: str, reverse: bool = False, overhead: float = OVERHEAD) -> None:
        """Start it, up to before the first sample.

        Args:
            target: As on the command line: a script, or a loop.
            arguments: The target's own.
            reverse: Whether copies are made to go back to.
            overhead: Of the running time, so much goes into graphs and statistics of some samples.
        """
        self._folder = tempfile.TemporaryDirectory()
        listener, self.socket = paths.listen()
        self.recording = Path(self._folder.name) / "r.bptui"
        self.on_status: Callable[[Status], None] = lambda status: None
        script = (target, *arguments) if target.endswith(".py") else ()
        options = SessionOptions(
            target, arguments, str(self.recording), None, listener.fileno(), str(self.socket), script=script,
            reverse=reverse, overhead=overhead,
        )  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bptui.session", to_json(options)], pass_fds=[listener.fileno()],
            start_new_session=True, stdin=subprocess.DEVNULL, env=environment(),
        )  # fmt: skip
        listener.close()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(str(self.socket))
        self._channel = Channel(sock)
        self._channel.send(Attach(PROTOCOL_VERSION))
        self.status = Status("starting", 0, 0)
        self._wait(lambda: self.status.state == "paused")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._channel.send(Quit())
        self.process.wait()
        self._channel.sock.close()
        self._folder.cleanup()

    def step(self, count: int) -> None:
        """Go on by so many samples."""
        goal = self.status.steps + count
        self._channel.send(Step("sample", count))
        self._wait(lambda: self.status.state == "paused" and self.status.steps == goal)

    def rest(self) -> None:
        """Wait until nothing runs beside the training that stands."""
        self._wait(lambda: not self.status.zoom)

    def look_at(self, step: int) -> None:
        """Have a sample executed again beside the training, for its graph."""
        self._channel.send(Zoom(step))
        self._wait(lambda: bool(self.status.zoom))
        self.rest()

    def travel(self, steps: int) -> None:
        """Go to where there were so many samples."""
        stop = self.status.stop
        self._channel.send(Travel(steps))
        self._wait(lambda: self.status.state == "paused" and self.status.stop > stop)

    def stop_at(self, *texts: str) -> None:
        """Have these breakpoints, and no others."""
        wanted = tuple(parse_breakpoint(text, number) for number, text in enumerate(texts, 1))
        self._channel.send(Breakpoints(wanted))
        self._wait(lambda: self.status.breakpoints == wanted)

    def step_inside(self, granularity: Granularity, count: int = 1) -> None:
        """Go on within a sample."""
        before = self.status
        self._channel.send(Step(granularity, count))
        self._wait(lambda: self.status.state == "paused" and self.status.revision > before.revision)

    def run_to(self, steps: int) -> None:
        """Run until there are at least so many samples, and on."""
        self._channel.send(Step("run"))
        self._wait(lambda: self.status.steps >= steps)

    def pause(self) -> None:
        """Stop a run."""
        self._channel.send(Pause())
        self._wait(lambda: self.status.state == "paused")

    def reset(self) -> None:
        """Begin again."""
        branch = self.status.branch + 1
        self._channel.send(Reset())
        self._wait(lambda: self.status.branch == branch and self.status.state == "paused")

    def _wait(self, condition: Callable[[], bool]) -> None:
        while not condition():
            notice = self._channel.receive()
            if not isinstance(notice, Welcome):
                assert isinstance(notice, Status)
                assert notice.state not in ("failed", "finished"), notice
                self.status = notice
                self.on_status(notice)
