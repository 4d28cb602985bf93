"""The app on a real terminal in depth: exact numbers, sizes, live recordings, every refusal.

The first minutes of a newcomer, and kills, are in test_app.py."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import sqlite3
import struct
import termios
import time

import psutil
import pyte
import pytest

PATIENCE = 20.0
ENTER, ESCAPE, CTRL_P = "\r", "\x1b", "\x10"
RESTORED = b"\x1b[?1049l"

SLOW = """
import time
from bptui import Sample

def slow(samples=100000):
    for i in range(samples):
        time.sleep(0.001)
        yield Sample(epoch=i // 100, index=i % 100, loss=float(i), samples=100)
"""


class Terminal:
    """A terminal emulator with a command of bptui in it."""

    def __init__(self, shell, *arguments: object, size: tuple[int, int] = (120, 36), **environment: str) -> None:
        self._master, slave = pty.openpty()
        self._screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.raw = b""
        self._size(*size)
        self.process = psutil.Popen(
            shell.command(*arguments), cwd=shell.folder, env={**shell.environment, "COLUMNS": "", **environment},
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self._before = termios.tcgetattr(slave)
        self._slave = slave  # kept open, so that its modes can be looked at when all is over

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    def press(self, keys: str) -> Terminal:
        os.write(self._master, keys.encode())
        return self

    def resize(self, columns: int, lines: int) -> Terminal:
        self._screen.resize(lines, columns)
        self._screen.reset()
        self._size(columns, lines)
        return self

    def see(self, *words: str, but_not: str = "\0") -> str:
        """Wait until all of these are on screen."""
        deadline = time.monotonic() + PATIENCE
        while not (all(word in self.text for word in words) and but_not not in self.text):
            if time.monotonic() > deadline or not self._read(0.2):
                raise AssertionError(f"never saw {words} without {but_not!r}:\n{self.text}\n{self.raw[-500:]!r}")
        return self.text

    def end(self) -> int:
        """Wait for the command's end; returns its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        while self._read(0.0, patient=False):
            pass
        assert self.process.poll() is not None, f"still there:\n{self.text}"
        return int(self.process.wait())

    @property
    def last_words(self) -> str:
        """What stands on the terminal when the app is gone."""
        said = self.raw.rpartition(RESTORED)[2].decode()
        return re.sub(r"\x1b\[[0-9;?<>=]*[a-zA-Z]", "", said).replace("\r\n", "\n").strip()

    @property
    def is_restored(self) -> bool:
        """Whether the terminal echoes again, shows its own screen and its cursor."""
        modes = termios.tcgetattr(self._slave)
        switched = self.raw.count(b"\x1b[?1049h") == self.raw.count(RESTORED)
        cursor = self.raw.rfind(b"\x1b[?25h") >= self.raw.rfind(b"\x1b[?25l")
        mouse = self.raw.count(b"\x1b[?1000h") == self.raw.count(b"\x1b[?1000l")
        return modes[3] == self._before[3] and switched and cursor and mouse

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        os.close(self._master)
        os.close(self._slave)

    def _read(self, timeout: float, patient: bool = True) -> bool:
        """Take what comes; False if nothing will come any more."""
        if not select.select([self._master], [], [], timeout)[0]:
            return patient and self.process.poll() is None
        data = os.read(self._master, 65536)
        self.raw += data
        self._stream.feed(self._decoder.decode(data))
        return True

    def _size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@pytest.fixture
def terminal(shell):
    """Opens terminals on a command of bptui; sessions that a test leaves are ended."""
    opened: list[Terminal] = []

    def start(*arguments: object, **options) -> Terminal:
        opened.append(Terminal(shell, *arguments, **options))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def processes(shell, word: str) -> list[psutil.Process]:
    """The processes of this shell whose command line has a word."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SHELL_TOKEN") == shell._token and word in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def session(shell) -> psutil.Process:
    (found,) = processes(shell, "bptui.session")
    return found


def test_a_first_walk(terminal, shell) -> None:
    screen = terminal("run", "--record", shell.recording, "linear", size=(30, 10))
    screen.see("30×10 is too small")
    screen.resize(120, 36).see("bptui", "paused before the first sample", "press s to run the first sample")

    screen.press("s").see("1 sample ", "epoch   0 of 100 · sample 1/9")
    screen.press("s").see("2 samples")
    screen.press("s").see("3 samples", "epoch   0 of 100 · sample 3/9")
    screen.see("4.0000  -4.0000  -4.0000", "15.3664 -15.6800 -15.6800", "29.2638 -32.4576 -32.4576")
    screen.press("x").see("-32.457603454589844", "29.263774871826172", "1.1967999935150146")

    screen.press(ESCAPE).see("s step", but_not="-32.457603454589844")
    screen.press("e").see("epoch 0 · weight 2.9995 · loss 5.032e-5", "sample 9/9")
    screen.press("S").see("back at sample 8 of 9", "sample 8/9")
    screen.press("s").see("9 samples", "sample 9/9", but_not="back at")
    screen.press("2e").see("epoch   2 of 100 · sample 9/9", "27 samples")

    screen.press("r").see("Begin again before the first sample?")
    screen.press("r").see("paused before the first sample", "branch 1")
    screen.press("5s").see("5 samples", "sample 5/9")

    screen.resize(80, 24).see("2 Gradients", "3 Weights", "by hand", "5 samples")
    screen.resize(30, 8).see("30×8 is too small")
    screen.resize(120, 36).see("4 Source", "6 Run", "5 samples", "pow  = loss")

    screen.press("g").see("Go to")
    screen.press("e99" + ENTER).see("● paused", "epoch  99 of 100 · sample 9/9", "900 samples")
    screen.press("c").see("✔ finished")
    screen.press("S").see("paused · back at sample 899 of 900")
    screen.press("c").see("✔ finished", but_not="back at")
    screen.press("q")
    assert screen.end() == 0
    assert screen.is_restored
    assert screen.last_words == ""
    shell.assert_empty()
    reader = shell.reader()
    assert [branch.steps for branch in reader.branches()] == [27, 900]
    reader.close()
    beside = shell.recording.with_name("r.bptui-wal")
    assert not beside.exists() or beside.stat().st_size == 0


def test_a_killed_debuggee_is_a_failure_and_can_be_reset(terminal, shell) -> None:
    screen = terminal()
    screen.see("paused before the first sample")
    screen.press("3s").see("3 samples")
    (keeper,) = session(shell).children()
    (debuggee,) = keeper.children()
    debuggee.kill()
    screen.see("failed", "SIGKILL")
    screen.see("3 samples")
    screen.press("S").see("sample 2/9")
    screen.press("r").see("Begin again")
    screen.press("r").see("paused before the first sample", but_not="failed  ")
    screen.press("s").see("1 sample ", "4.0000")
    screen.press("qq")
    assert screen.end() == 0


def test_a_recording_in_the_making_is_watched_live(terminal, shell) -> None:
    shell.write(SLOW)
    recording = shell.folder / "live.bptui"
    runner = terminal("run", "--record", recording, "loop.py:slow")
    runner.see("paused before the first sample")
    runner.press("3s").see("3 samples")
    viewer = terminal("open", recording, size=(80, 24))
    viewer.see("paused · recording, read-only", "3 samples")
    runner.press("2s").see("5 samples")
    viewer.see("5 samples")
    runner.press("c").see("running")
    viewer.see("running", "samples/s")
    viewer.press("S").see("looking back")
    runner.press("p").see("paused")
    viewer.see("paused · looking back")
    viewer.press("G").see("paused · recording")
    viewer.press("q")
    assert viewer.end() == 0
    runner.press("s").see("paused")
    runner.press("qq")
    assert runner.end() == 0
    finished = terminal("open", recording)
    finished.see("finished", "quit", "recording, read-only")
    finished.press("q")
    assert finished.end() == 0


def test_options_of_the_loop(terminal, shell) -> None:
    screen = terminal("--lr", "0.02", "--no-zero-grad")
    screen.see("paused before the first sample", "lr 0.02")
    # The second gradient is added to the first: -4 + 2·2·(2·1.08 - 6).
    screen.press("2s").see("2 samples", "-4.0000", "-19.3600")
    screen.press("qq")
    assert screen.end() == 0


def test_the_palette_on_a_terminal(terminal, shell) -> None:
    screen = terminal(size=(80, 24))
    screen.see("paused before the first sample")
    screen.press(CTRL_P).see("Run one sample", "Run to the end of the epoch")
    screen.press("epoch").see("Stepping: epoch", but_not="Stepping: run")
    screen.press(ENTER).see("9 samples")
    screen.press("qq")
    assert screen.end() == 0


# -- bad input --------------------------------------------------------------------------------------------


def refused(terminal, *arguments: object, **options) -> str:
    screen = terminal(*arguments, **options)
    assert screen.end() == 2
    assert screen.is_restored
    return screen.last_words


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("run", "nothing"), "bptui: no such target 'nothing'"),
        (("run", "none.py:loop"), "bptui: no such file: none.py"),
        (("run", "--theme", "pink", "linear"), "bptui: no theme 'pink'"),
        (("open", "none.bptui"), "bptui: no such recording: none.bptui"),
        (("open", "text.bptui"), "bptui: text.bptui is no bptui recording"),
        (("open", "other.db"), "bptui: other.db is no bptui recording"),
        (("open", "newer.bptui"), "bptui: newer.bptui is of schema version 99"),
        (("run", "--record", "text.bptui", "linear"), "exists already"),
        (("run", "--record", "text.bptui/x.bptui", "linear"), "bptui: can not record to"),
    ],
)
def test_refused_at_once(terminal, shell, arguments, line: str) -> None:
    (shell.folder / "text.bptui").write_text("not a recording, whatever its name is\n" * 100)
    sqlite3.connect(shell.folder / "other.db").execute("CREATE TABLE x (y)").connection.close()
    made = sqlite3.connect(shell.folder / "newer.bptui")
    made.executescript("CREATE TABLE x (y); PRAGMA application_id = 0x62707475; PRAGMA user_version = 99")
    made.close()
    said = refused(terminal, *arguments)
    assert line in said
    assert said.startswith("bptui: ")
    assert len(said.splitlines()) == 1
    assert processes(shell, "bptui.session") == []


def test_a_runtime_directory_that_others_may_enter(terminal, shell) -> None:
    folder = shell.folder / "runtime" / "bptui"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    folder.chmod(0o755)
    said = refused(terminal, XDG_RUNTIME_DIR=str(folder.parent))
    assert said == f"bptui: {folder} must belong to you alone (chmod 700 {folder})"


@pytest.mark.parametrize(
    ("source", "line", "frames"),
    [
        ("def loop():\n    return [1]\n", "no generator", 0),
        ("import nothing_of_that_name\n", "does not import", 1),
        ("def other():\n    yield 1\n", "loop", 0),
    ],
)
def test_refused_by_the_session(terminal, shell, source: str, line: str, frames: int) -> None:
    shell.write(source)
    said = refused(terminal, "run", "loop.py:loop")
    assert line in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith("bptui: ")
    assert said.count("Traceback") == frames
    assert "bptui/" not in said  # the user's frames, not ours
    if frames:
        assert "ModuleNotFoundError: No module named 'nothing_of_that_name'" in said
        assert "loop.py" in said


def test_a_loop_that_raises_shows_its_traceback(terminal, shell) -> None:
    shell.write(
        """
        from bptui import Sample

        def loop():
            yield Sample(epoch=0, index=0, loss=1.0)
            print("about to fail")
            raise ValueError("boom")
        """
    )
    screen = terminal("run", "loop.py:loop")
    screen.see("paused before the first sample")
    screen.press("s").see("1 sample ")
    screen.press("s").see("failed", "ValueError: boom", "Traceback", 'raise ValueError("boom")')
    screen.press("5").see("about to fail")
    screen.press("q")
    assert screen.end() == 0
    assert screen.is_restored


def test_a_signal_to_the_app_restores_the_terminal(terminal, shell) -> None:
    screen = terminal(size=(80, 24))
    screen.see("paused before the first sample")
    screen.process.send_signal(signal.SIGTERM)
    screen.end()
    assert screen.is_restored
    again = terminal("attach")
    again.see("paused before the first sample")
    again.press("q")
    again.end()
