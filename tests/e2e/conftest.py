"""The command line as a user runs it: in a subprocess, on pipes or on a real terminal."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import uuid
from pathlib import Path

import psutil
import pytest

from bptui.recording.reader import Reader

PATIENCE = 60.0


class Shell:
    """A folder to work in; whatever is started from here can be found again."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        self.folder = folder
        self.recording = folder / "r.bptui"
        self._token = uuid.uuid4().hex
        self.environment = {
            **os.environ, "SHELL_TOKEN": self._token, "PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm-256color",
            "XDG_STATE_HOME": str(folder / "state"), "XDG_RUNTIME_DIR": str(runtime), "COLUMNS": "100",
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
        _, left = psutil.wait_procs(left, timeout=5)
        shown = [process.cmdline() for process in left]
        for process in left:
            process.kill()
        assert not shown


@pytest.fixture
def shell(tmp_path):
    runtime = Path(tempfile.mkdtemp(prefix="bptui-"))  # short: a socket's path has room for 107 bytes
    shell = Shell(tmp_path, runtime)
    yield shell
    shell.assert_empty()
    shutil.rmtree(runtime)
