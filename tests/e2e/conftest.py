"""The command line as a user runs it: in a subprocess, on pipes or on a real terminal."""

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import textwrap
import time
import uuid
from pathlib import Path

import psutil
import pyte
import pytest

from bptui.recording.reader import Reader

from ..leftovers import assert_gone

PATIENCE = 30.0


class Shell:
    """A folder to work in; whatever is started from here can be found again."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        self.folder = folder
        self.recording = folder / "r.bptui"
        self._token = uuid.uuid4().hex
        self.environment = {
            **os.environ, "SHELL_TOKEN": self._token, "PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm-256color",
            "XDG_STATE_HOME": str(folder / "state"), "XDG_RUNTIME_DIR": str(runtime),
        }  # fmt: skip

    def write(self, source: str) -> None:
        (self.folder / "loop.py").write_text(textwrap.dedent(source))

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "bptui", *map(str, arguments)]

    def bptui(self, *arguments: object, **options) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environment, timeout=PATIENCE, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, **options,
        )  # fmt: skip

    def record(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return self.bptui("record", "-o", self.recording, *arguments)

    def start(self, *arguments: object, **options) -> psutil.Popen:
        return psutil.Popen(self.command(*arguments), cwd=self.folder, env=self.environment, **options)

    def reader(self) -> Reader:
        return Reader(self.recording)

    def assert_empty(self) -> None:
        """Whatever was started from here is gone."""
        left = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("SHELL_TOKEN") == self._token:
                    left.append(process)
            except psutil.Error:
                continue
        assert_gone(left)


@pytest.fixture
def shell(tmp_path):
    runtime = Path(tempfile.mkdtemp(prefix="bptui-"))  # short: a socket's path has room for 107 bytes
    shell = Shell(tmp_path, runtime)
    yield shell
    shell.assert_empty()
    shutil.rmtree(runtime)


class Terminal:
    """A program on a pseudo-terminal, and what its user sees."""

    def __init__(
        self, shell: Shell, arguments: tuple, width: int = 120, height: int = 36, **environment: str
    ) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            self._set_size(0, width, height)
            os.chdir(shell.folder)
            command = shell.command(*arguments)
            os.execvpe(command[0], command, {**shell.environment, **environment})
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self._screen)
        self.code: int | None = None

    @staticmethod
    def _set_size(fd: int, width: int, height: int) -> None:
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    @property
    def text(self) -> str:
        """What is on screen, with single spaces."""
        return "\n".join(" ".join(line.split()) for line in self._screen.display)

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def resize(self, width: int, height: int) -> None:
        self._screen.resize(height, width)
        self._set_size(self._fd, width, height)

    def wait(self, *words: str, without: str = "\0") -> str:
        """Until all words are on screen, and `without` is not."""
        deadline = time.monotonic() + PATIENCE
        while not all(word in self.text for word in words) or without in self.text:
            assert time.monotonic() < deadline, f"no {words} in\n{self.text}"
            assert self._read(), f"ended without {words}:\n{self.text}"
        return self.text

    def wait_end(self) -> int:
        """Until the program has ended; its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read():
            assert time.monotonic() < deadline, f"still there:\n{self.text}"
        return self.end()

    def end(self) -> int:
        """Hang up, and wait for the program's end."""
        if self.code is None:
            os.close(self._fd)
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.end()

    def _read(self) -> bool:
        if not select.select([self._fd], [], [], 1)[0]:
            return True
        try:
            piece = os.read(self._fd, 1 << 16)
        except OSError:  # the last one on the other side is gone
            return False
        self._stream.feed(piece)
        return True


@pytest.fixture
def open_terminal(shell):
    """Starts bptui on a terminal of its own; hangs up at the end."""
    terminals: list[Terminal] = []

    def start(*arguments, **options) -> Terminal:
        terminals.append(Terminal(shell, arguments, **options))
        return terminals[-1]

    yield start
    for terminal in terminals:
        if terminal.code is None:
            terminal.kill()
