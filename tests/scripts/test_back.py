"""Going back in scripts: every kind of training goes on bit for bit as if it had never been elsewhere."""

import contextlib
import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bptui.commands.run import session_options, start_session
from bptui.protocol import Back, Pause, Quit, Step, Travel, Typed
from bptui.recording.reader import Reader

from ..session.conftest import Client
from . import kinds


class Traveller(Client):
    """An app that goes back and forth, on a session process of its own."""

    def __init__(self, process, socket, options) -> None:
        super().__init__(socket)
        self.process, self.options = process, options
        self.wait(lambda status: status.state in ("paused", "failed"))

    def go(self, command):
        """Command, and wait for the stop that comes of it, or the end."""
        stop, was_over = self.status.stop, self.status.exit_code is not None
        self.send(command)
        return self.wait(
            lambda status: (
                (status.state == "paused" and status.stop > stop)
                or (status.exit_code is not None and not was_over)
            )
        )

    def printed(self):
        """What the recording has of stdout, each line once."""
        with contextlib.closing(Reader(Path(self.options.recording))) as reader:
            return [line.text for line in reader.output(0, reader.output_count()) if line.stream == 1]


@pytest.fixture
def travel(shared_workshop, monkeypatch):
    """Begin a session on a script, paused before its first line."""
    for name, value in (shared_workshop.environment | {"OMP_NUM_THREADS": "1"}).items():
        monkeypatch.setenv(name, value)
    begun = []

    def begin(script, *arguments, **options):
        recording = shared_workshop.folder / f"{len(begun)}-{Path(script).stem}.bptui"
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


def test_every_kind_of_training(shared_workshop, travel):
    bare = shared_workshop.bare(kinds.__file__)
    app = travel(kinds.__file__)
    status = app.go(Step("sample", 30))
    while status.state == "paused":
        at = status.steps
        status = app.go(Travel(at - 20))
        assert (status.steps, status.recorded, status.branch, status.differs) == (at - 20, at, 0, "")
        status = app.go(Step("sample", 20))
        assert (status.steps, status.differs, status.no_return) == (at, "", "")
        status = app.go(Step("sample", 30))
    assert (status.state, status.branch, status.differs) == ("finished", 0, "")
    # After the end of the last kind, from the middle of the first ones.
    for command in (Travel(3), Step("op", 6), Back("op"), Back("phase"), Back("phase"), Back("sample", 2)):
        assert app.go(command).state == "paused"
    status = app.go(Step("run"))
    assert (status.state, status.branch, status.differs) == ("finished", 0, "")
    assert app.printed() == bare.stdout.splitlines()
