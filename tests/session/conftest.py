"""A session process as the command line starts it, and a small client that speaks its protocol."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import uuid
from pathlib import Path

import psutil
import pytest

from bptui import paths
from bptui.protocol import PROTOCOL_VERSION, Attach, Channel, Quit, Reset, Status, Step, Typed, Welcome, to_json
from bptui.recording.reader import Reader
from bptui.session.options import SessionOptions

from ..leftovers import assert_gone

PATIENCE = 30.0

PRELUDE = """
import ctypes, os, signal, subprocess, sys, threading, time
from bptui import Sample

def ten(before=lambda i: None):
    for i in range(10):
        before(i)
        yield Sample(epoch=0, index=i, loss=float(i), samples=10, epochs=1)

def for_ever():
    i = 0
    while True:
        yield Sample(epoch=i // 10, index=i % 10, loss=float(i), samples=10)
        i += 1
"""

TEN = "def loop():\n    yield from ten()\n"


class Client:
    """One app, as the session sees it."""

    def __init__(self, path: Path, viewer: bool = False, version: int = PROTOCOL_VERSION) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self._channel = Channel(self.socket)
        self.send(Attach(version, viewer))
        self.welcome = self._channel.receive()
        assert isinstance(self.welcome, Welcome)
        self.seen: list[Status] = []

    @property
    def status(self) -> Status:
        return self.seen[-1]

    def send(self, *commands) -> None:
        self._channel.send(*commands)

    def read(self) -> Status:
        while not isinstance(message := self._channel.receive(), Status):
            pass
        self.seen.append(message)
        return self.status

    def wait(self, condition=lambda status: True, **fields) -> Status:
        """The first status from now on, the newest one known included, that has these fields."""
        status = self.status if self.seen else self.read()
        while not (all(getattr(status, key) == value for key, value in fields.items()) and condition(status)):
            try:
                status = self.read()
            except (TimeoutError, EOFError) as error:
                raise AssertionError(f"{error!r} after {status}") from None
        return status

    def send_step(self, count: int) -> None:
        self.send(Step("sample", count))

    def step(self, count: int = 1, granularity: str = "sample") -> Status:
        """Go on, and wait until that is done or the loop is over."""
        steps = self.status.steps + (count if granularity == "sample" else 1)
        self.send(Step(granularity, count))
        rests = ("paused", "finished", "failed") if granularity != "run" else ("finished", "failed")
        return self.wait(
            lambda status: (
                status.state in ("finished", "failed")
                or (status.state in rests and (status.steps >= steps or bool(status.trouble)))
            )
        )

    def go(self, command, answer="") -> Status:
        """Command something, and wait for the stop that comes of it, or the end; a script may ask on its way."""
        stop, was_over = self.status.stop, self.status.exit_code is not None

        def is_done(status: Status) -> bool:
            is_there = status.state == "paused" and status.stop > stop
            return is_there or (status.exit_code is not None and not was_over)

        self.send(command)
        status = self.wait(lambda status: is_done(status) or (answer and status.waits_for_input))
        if not is_done(status):
            self.send(Typed(answer))
        return self.wait(is_done)

    def reset(self) -> Status:
        """Begin again, and wait until that is done or refused."""
        branch = self.status.branch + 1
        self.send(Reset())
        return self.wait(lambda status: status.state != "starting", branch=branch)

    def close(self) -> None:
        self.socket.close()


class House:
    """A session on a loop file that may be rewritten between resets."""

    def __init__(
        self,
        folder: Path,
        target="",
        arguments=(),
        log: Path | None = None,
        recording: Path | None = None,
        reverse=False,
        script=False,
        **environment,
    ) -> None:
        self.folder = folder
        self.file = folder / "loop.py"
        self.recording = recording or folder / "recording.bptui"
        self.token = uuid.uuid4().hex
        self._clients: list[Client] = []
        listener, self.socket = paths.listen()
        options = SessionOptions(
            target or f"{self.file}:loop", tuple(arguments), str(self.recording), str(log) if log else None,
            listener.fileno(), str(self.socket), reverse=reverse, script=(str(self.file),) if script else (),
        )  # fmt: skip
        self.errors = folder / "stderr"
        with self.errors.open("wb") as errors:
            self.process = psutil.Popen(
                [sys.executable, "-m", "bptui.session", to_json(options)], pass_fds=[listener.fileno()],
                start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                env={**os.environ, "HOUSE": self.token, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            )  # fmt: skip
        listener.close()

    def write(self, source: str) -> None:
        self.file.write_text(PRELUDE + textwrap.dedent(source))

    def client(self, **options) -> Client:
        client = Client(self.socket, **options)
        self._clients.append(client)
        return client

    def reader(self) -> Reader:
        return Reader(self.recording)

    def relatives(self) -> list[psutil.Process]:
        """Everything alive that descends from the session, wherever it has moved to."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("HOUSE") == self.token and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def peak_memory(self) -> int:
        """The most bytes that the session itself has ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    @property
    def keeper(self) -> psutil.Process:
        (keeper,) = self.process.children()
        return keeper

    @property
    def debuggee(self) -> psutil.Process:
        (debuggee,) = self.keeper.children()
        return debuggee

    def quit(self) -> None:
        if self.process.poll() is None:
            client = self.client()
            client.send(Quit())
            self.process.wait(PATIENCE)
        for client in self._clients:
            client.close()

    def assert_empty(self) -> None:
        assert_gone(self.relatives())

    def printed(self) -> list[tuple[int, bool, str]]:
        """(step, is_error, text) of what the newest branch printed."""
        reader = self.reader()
        branch, count = reader.branches()[-1].id, reader.output_count()
        lines = reader.output(count - 30_000, count)  # an earlier branch may have printed millions
        reader.close()
        return [(line.step, line.is_error, line.text) for line in lines if line.branch == branch]


@pytest.fixture(scope="session", autouse=True)
def runtime_directory():
    folder = tempfile.mkdtemp(prefix="bptui-")  # short: a socket's path has room for 107 bytes
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = folder
    yield Path(folder)
    if before is None:
        del os.environ["XDG_RUNTIME_DIR"]
    else:
        os.environ["XDG_RUNTIME_DIR"] = before
    shutil.rmtree(folder)


@pytest.fixture
def build(tmp_path):
    """Starts sessions; when the test is over, quits them and looks whether anything is left."""
    houses: list[House] = []

    def start(source: str = TEN, files={}, **options) -> House:  # noqa: B006 - read only
        folder = tmp_path / str(len(houses))
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        (folder / "loop.py").write_text(PRELUDE + textwrap.dedent(source))
        houses.append(House(folder, **options))
        return houses[-1]

    yield start
    for house in houses:
        house.quit()
        house.assert_empty()
        assert house.errors.read_text() == ""


@pytest.fixture(scope="session")
def shared_houses(tmp_path_factory):
    houses: list[House] = []
    yield houses, tmp_path_factory
    for house in houses:
        house.quit()
        house.assert_empty()
        assert house.errors.read_text() == ""


@pytest.fixture
def house(shared_houses):
    """A session that tests share, since each one costs an import of torch; `begin` gives it a loop."""
    houses, factory = shared_houses
    if not houses or houses[-1].process.poll() is not None:
        houses.append(House(factory.mktemp("house")))
        houses[-1].write(TEN)
    return houses[-1]


@pytest.fixture
def begin(house):
    """Begins the shared session again on this source, on a new branch; returns a client that has seen it stop."""
    clients: list[Client] = []

    def start(source: str = TEN) -> Client:
        house.write(source)
        client = house.client()
        clients.append(client)
        client.wait(lambda status: status.state != "starting")
        client.reset()
        return client

    yield start
    for client in clients:
        client.close()
