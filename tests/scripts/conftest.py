"""Scripts run by Python alone, by `bptui record`, and by a session that is stepped."""

import asyncio
import contextlib
import multiprocessing
import os
import runpy
import subprocess
import sys
import textwrap
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from bptui.commands.run import session_options, start_session
from bptui.protocol import Quit, Step
from bptui.recording.reader import Reader
from bptui.session.session import Session

from ..leftovers import assert_gone
from ..session.conftest import Client

PATIENCE = 120.0


@dataclass
class Done:
    """How a script ended, and what it said."""

    code: int | None
    stdout: str
    stderr: str
    reader: Reader | None = None

    @property
    def places(self):
        """(epoch, index) of every sample."""
        return [(sample.epoch, sample.index) for sample in self.samples]

    @property
    def samples(self):
        return self.reader.samples(0, 0, self.reader.steps(0))

    @property
    def branch(self):
        return self.reader.branches()[-1]


class Stepped:
    """A session in this process, stepped by the test."""

    def __init__(self, options):
        self.text = {1: b"", 2: b""}
        self.changed = asyncio.Event()
        self.answers = {}
        self.session = Session(options, lambda status: self.changed.set(), self._on_text, answer=self._on_answer)

    def _on_answer(self, answer):
        self.answers[answer.request] = answer

    def _on_text(self, stream, text):
        self.text[stream] += text

    @property
    def status(self):
        return self.session.status

    async def wait(self, *states):
        """Wait until it is in one of these states."""
        async with asyncio.timeout(PATIENCE):
            while self.status.state not in states:
                self.changed.clear()
                await self.changed.wait()
        return self.status

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)

    async def step(self, count=1, granularity="sample"):
        await self.session.obey(Step(granularity, count))
        return await self.wait("paused", "finished", "failed")

    def done(self):
        reader = Reader(Path(self.session.options.recording))
        return Done(self.status.exit_code, self.text[1].decode(), self.text[2].decode(), reader)


warm = multiprocessing.get_context("forkserver")
"""Where torch and what an optimizer loads are there already: that takes longer than the training of a test."""
warm.set_forkserver_preload(["torch._dynamo"])


def run_into(script, said):
    """Run a script as its own process does, what it says goes into a file."""
    for stream, fd in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), fd)
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")


@dataclass
class Workshop:
    """A folder with scripts."""

    folder: Path
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def environment(self):
        state = {"XDG_STATE_HOME": str(self.folder / "state"), "XDG_RUNTIME_DIR": str(self.folder)}
        package = str(Path(__file__).parents[2])
        return {**os.environ, **state, "WORKSHOP": self.token, "PYTHONPATH": package}

    def write(self, source, name="train.py"):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return str(path)

    def bare(self, *arguments, **options):
        return self._run(sys.executable, *arguments, **options)

    def said(self, script):
        """What a script says without bptui, in a process that has torch already."""
        said = self.folder / f"{uuid.uuid4().hex}.txt"
        process = warm.Process(target=run_into, args=(script, said))
        token = os.environ.pop("WORKSHOP", None)  # the server that it may start first outlives the workshop
        process.start()
        if token is not None:
            os.environ["WORKSHOP"] = token
        process.join(PATIENCE)
        assert process.exitcode == 0, said.read_text()
        return said.read_text()

    def record(self, *arguments, **options):
        recording = self.folder / f"{uuid.uuid4().hex}.bptui"
        done = self._run(sys.executable, "-m", "bptui", "record", "-o", str(recording), *arguments, **options)
        if recording.exists():
            done.reader = Reader(recording)
        return done

    @contextlib.asynccontextmanager
    async def session(self, target, *arguments, **options):
        """A session on a script, paused before its first line."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        recording = self.folder / f"{uuid.uuid4().hex}.bptui"
        stepped = Stepped(session_options(target, arguments, recording, None, **options))
        await stepped.session.start()
        try:
            await stepped.wait("paused", "failed")
            yield stepped
        finally:
            await stepped.session.obey(Quit())
            await stepped.session.close()
            os.environ.clear()
            os.environ.update(before)

    def assert_empty(self):
        left = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("WORKSHOP") == self.token:
                    left.append(process)
        assert_gone(left)

    def _run(self, *command, PYTHONPATH=None, **options):  # noqa: N803
        environment = self.environment | ({"PYTHONPATH": PYTHONPATH} if PYTHONPATH else {})
        options = {"stdin": subprocess.DEVNULL, "timeout": PATIENCE, "cwd": self.folder} | options
        done = subprocess.run(command, env=environment, check=False, capture_output=True, **options)
        return Done(
            done.returncode, done.stdout.decode(errors="backslashreplace"), done.stderr.decode(errors="replace")
        )


@pytest.fixture
def workshop(tmp_path):
    workshop = Workshop(tmp_path)
    yield workshop
    workshop.assert_empty()


@pytest.fixture(scope="module")
def shared_workshop(tmp_path_factory):
    workshop = Workshop(tmp_path_factory.mktemp("workshop"))
    yield workshop
    workshop.assert_empty()


class Traveller(Client):
    """An app that goes back and forth, on a session process of its own."""

    def __init__(self, process, socket, options) -> None:
        super().__init__(socket)
        self.process, self.options = process, options
        self.wait(lambda status: status.state in ("paused", "failed"))

    def go(self, command):
        """The question comes again where no copy was made since: how many there are depends on the machine."""
        return super().go(command, "me\n")

    def reader(self):
        return contextlib.closing(Reader(Path(self.options.recording)))

    def printed(self):
        """What the recording has of stdout, each line once."""
        with self.reader() as reader:
            return [line.text for line in reader.output(0, reader.output_count()) if line.stream == 1]


@pytest.fixture
def travel(shared_workshop, monkeypatch):
    """Begin a session on a script, paused before its first line."""
    for name, value in (shared_workshop.environment | {"OMP_NUM_THREADS": "1"}).items():
        monkeypatch.setenv(name, value)
    begun = []

    def begin(script, *arguments, **options):
        recording = shared_workshop.folder / f"{uuid.uuid4().hex}.bptui"
        made = replace(session_options(script, arguments, recording, None, reverse=True), **options)
        process, socket = start_session(made)
        begun.append(Traveller(process, socket, made))
        return begun[-1]

    yield begin
    for each in begun:
        with contextlib.suppress(OSError):
            each.send(Quit())
        _, errors = each.process.communicate(timeout=30)
        each.close()
        assert not errors.decode()
