"""Recordings made by the real writer, the real seed recorded once, and a link that only remembers."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bptui.app.app import BptuiApp
from bptui.app.messages import AnswerArrived, SessionLost, StatusArrived, Welcomed
from bptui.protocol import (
    PROTOCOL_VERSION,
    Command,
    GraphTraced,
    Inspect,
    ParameterSamples,
    ParametersSeen,
    Samples,
    SaveTensor,
    StackSeen,
    Status,
    Welcome,
    pack_graph,
    to_json,
)
from bptui.recording.reader import Reader
from bptui.recording.writer import Writer
from bptui.records import (
    QUANTITIES,
    Frame,
    Kind,
    Layout,
    Local,
    Node,
    Parameter,
    Place,
    Stack,
    Target,
    TensorSummary,
)

SCALAR = Kind((1,), "float32", "cpu")


class Recorded:
    """A recording in the making.

    Attributes:
        path: Where it is.
        writer: Its writer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = Writer(path)
        self._layouts = 0
        self.begin("start")

    @staticmethod
    def summary(value: float) -> TensorSummary:
        """The summary of a tensor of one element."""
        return TensorSummary.of_one(value, SCALAR)

    def begin(self, reason: str = "reset") -> Recorded:
        self.writer.begin_branch(reason)
        self._layouts = 0
        return self

    def fork(self, reason: str, steps: int) -> Recorded:
        self.writer.fork_branch(reason, steps)
        return self

    def target(
        self, title: str = "a test", source: str = "def loop():\n    yield 1\n", **options: str
    ) -> Recorded:
        target = Target("loop.py:loop", title, "/x/loop.py", 1, options, "3.11.0", "2.0.0")
        self.writer.describe({"target": to_json(target), "command": target.name, "arguments": ""})
        self.writer.source("/x/loop.py", source)
        return self

    def samples(
        self, rows: list[Mapping[str, Any]], samples: int | None = None, epochs: int | None = None
    ) -> Recorded:
        """Write samples that share a layout; a quantity is a number, or a `TensorSummary` of several elements."""
        names = [name for name in QUANTITIES if name in rows[0]]
        kinds = dict.fromkeys(names, SCALAR)
        kinds |= {n: Kind(v.shape, v.dtype, v.device) for n, v in rows[0].items() if isinstance(v, TensorSummary)}
        self.writer.layout(self._layouts, Layout(kinds, Place("/x/loop.py", 2), samples, epochs))
        numbers, tensors = array("d"), []
        first = self.writer.steps
        for step, row in enumerate(rows, first):
            numbers.extend((row["epoch"], row["index"]))
            for name in QUANTITIES:
                value = row.get(name, 0.0)
                if isinstance(value, TensorSummary):
                    tensors.append((step, name, to_json(value)))
                    value = value.norm or 0.0
                numbers.append(value)
        batch = Samples(first, self._layouts, base64.b64encode(numbers).decode(), tuple(tensors))
        self.writer.samples(batch)
        self._layouts += 1
        return self

    def epochs(self, lengths: list[int], declared: bool = True) -> Recorded:
        """Write epochs of these lengths, one of other length after another."""
        for epoch, length in enumerate(lengths):
            rows = [{"epoch": epoch, "index": i, "loss": self.writer.steps + i + 0.5} for i in range(length)]
            self.samples(rows, samples=length if declared else None)
        return self

    def graph(self, step: int, *nodes: Node) -> Recorded:
        self.writer.graph(GraphTraced(step, base64.b64encode(pack_graph(nodes)).decode()))
        return self

    def stack(self, steps: int, *frames: Frame, error: str = "") -> Recorded:
        self.writer.stack(StackSeen(steps, Stack(frames, 0, error)))
        return self

    def prints(self, *lines: tuple[int, int, str]) -> Recorded:
        self.writer.output(lines)
        return self

    def state(self, state: Any = "paused", detail: str = "", code: int | None = None) -> Recorded:
        self.writer.state(state, detail, code)
        self.writer.commit()
        return self

    def reader(self) -> Reader:
        self.writer.commit()
        return Reader(self.path)


class FakeLink:
    """Stands for a session: tells the app what it is told to tell, and remembers what the app says.

    Attributes:
        sent: All commands of the app.
    """

    def __init__(self, recording: Path, status: Status | None, viewer: bool = False) -> None:
        self.viewer = viewer
        self.sent: list[Command] = []
        self.status = status
        self._recording = recording
        self._app: BptuiApp | None = None
        self._why: asyncio.Future[str] | None = None

    async def follow(self, app: BptuiApp) -> None:
        self._app, self._why = app, asyncio.get_running_loop().create_future()
        app.post_message(Welcomed(Welcome(PROTOCOL_VERSION, str(self._recording))))
        if self.status is not None:
            self.say(self.status)
        app.post_message(SessionLost(await self._why))

    def say(self, status: Status) -> None:
        assert self._app is not None
        self.status = status
        self._app.post_message(StatusArrived(status))

    def lose(self, why: str = "its process ended") -> None:
        assert self._why is not None
        self._why.set_result(why)

    def send(self, command: Command) -> None:
        self.sent.append(command)

    async def flush(self) -> None:
        pass


class AnsweringLink(FakeLink):
    """A session whose debuggee has one parameter, "weight", of which it answers as a real one does.

    Attributes:
        weight: The parameter.
    """

    def __init__(self, recording: Path, status: Status, weight: Any, before: Any = None) -> None:
        super().__init__(recording, status)
        from bptui.debuggee.answers import Answers
        from bptui.debuggee.live import Live
        from bptui.debuggee.remembered import Remembered

        live, remembered = Live(list), Remembered()
        if before is not None:
            self._know(live, before)
            remembered.keep(live, status.steps - 1)
            before.data.copy_(weight)
            weight = before
        self._know(live, weight)
        self.weight, self._answers = weight, Answers(live, remembered)

    def _know(self, live: Any, weight: Any) -> None:
        shape = tuple(weight.shape)
        live.named, live.parameters = (Parameter("weight", shape, "float32", "cpu"),), (weight,)

    def send(self, command: Command) -> None:
        super().send(command)
        if isinstance(command, Inspect | SaveTensor) and self._app is not None:
            for answer in self._answers.to(command, 1):
                if answer is not None:
                    self._app.post_message(AnswerArrived(answer))


@pytest.fixture
def at_tensor(
    recorded: Callable[..., Recorded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[BptuiApp, AnsweringLink]]:
    """Makes an app that stands at a sample of a training with one parameter: the first row of Parameters."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bptui.recording.writer.time.time", lambda: 0.0)

    def make(weight: Any, before: Any = None) -> tuple[BptuiApp, AnsweringLink]:
        recording = recorded("tensor.bptui").target("a tensor")
        recording.writer.parameters(
            ParametersSeen(0, (Parameter("weight", tuple(weight.shape), "float32", "cpu"),))
        )
        recording.samples([{"epoch": 0, "index": i, "loss": 4.0 - i} for i in range(2)])
        norms = base64.b64encode(array("d", [1.0, 0.5, 0.25] * 2)).decode()
        recording.writer.parameter_samples(ParameterSamples(0, (0, 1), norms))
        recording.state()
        link = AnsweringLink(Path("tensor.bptui"), Status("paused", 0, 2, stop=3), weight, before)
        return BptuiApp(link), link  # type: ignore[arg-type]

    return make


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilot waits until the process is idle, and looks every 20 ms, twice a key; every 2 ms is as good where
    no layout is looked at.
    """
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.002)


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Callable[[], Recorded]]:
    """Begins recordings in a directory of their own."""
    made: list[Recorded] = []

    def begin(name: str = "") -> Recorded:
        made.append(Recorded(tmp_path / (name or f"{len(made)}.bptui")))
        return made[-1]

    yield begin
    for each in made:
        each.writer.abandon()


@pytest.fixture(scope="session")
def recording_at() -> Callable[[Path], Recorded]:
    """Begins a recording at a path."""
    return Recorded


@pytest.fixture(scope="session")
def seven_epochs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven epochs of the seed, recorded by the real thing: few enough that every sample is traced.

    What differs from machine to machine (versions, times, places) is made the same everywhere.
    """
    path = tmp_path_factory.mktemp("seed") / "linear.bptui"
    command = [sys.executable, "-m", "bptui", "record", "-o", str(path), "linear", "--epochs", "7"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "TERM": "dumb"})
    db = sqlite3.connect(path)
    target = json.loads(db.execute("SELECT value FROM run WHERE key = 'target'").fetchone()[0])
    target |= {"python": "3.11.0", "torch": "2.6.0"}
    db.execute("UPDATE run SET value = ? WHERE key = 'target'", [json.dumps(target)])
    db.execute("UPDATE branches SET began = 0")
    db.commit()
    db.close()
    return path


@pytest.fixture
def seed(seven_epochs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The seed's recording under a short relative path, so that the screen is the same everywhere."""
    shutil.copy(seven_epochs, tmp_path / "linear.bptui")
    monkeypatch.chdir(tmp_path)
    return Path("linear.bptui")


@pytest.fixture
def fake_link() -> type[FakeLink]:
    """Makes links that only remember."""
    return FakeLink


@pytest.fixture
def at_seed(seed: Path) -> Callable[..., tuple[BptuiApp, FakeLink]]:
    """Makes an app on a session that has come to some sample of the seed."""

    def make(steps: int = 5, state: Any = "paused", **more: Any) -> tuple[BptuiApp, FakeLink]:
        link = FakeLink(seed, Status(state, 0, steps, **more))
        return BptuiApp(link), link  # type: ignore[arg-type]

    return make


LOOP = """\
def step(x):
    loss = (w * x).sum()
    loss.backward()
    return loss

def train():
    for x in data:
        losses.append(step(x))

train()
"""


def frames(mean: float, index: int) -> tuple[Frame, ...]:
    x = TensorSummary((32, 10), "float32", "cpu", -1.0, 1.0, mean, 0.5, 2.0, 0, 0, 0, 0, (mean,) * 3)
    inner = (
        Local("x", "Tensor", summary=x),
        Local("losses", "list", "3 items"),
        Local("losses[0]", "Tensor", summary=Recorded.summary(4.0)),
        Local("index", "int", summary=TensorSummary.of_one(index, Kind((), "int", "cpu"))),
        Local("device", "str", "'cpu'"),
    )
    return (
        Frame("train", Place("/x/loop.py", 7), inner, inside="12 frames of lightning"),
        Frame("<module>", Place("/x/main.py", 2), (Local("model", "Linear", "11 parameters"),), left_out=3),
    )


@pytest.fixture
def stopped(
    recorded: Callable[..., Recorded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[BptuiApp, FakeLink]]:
    """Makes an app on a session that has stopped after two samples, and after three."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bptui.recording.writer.time.time", lambda: 0.0)

    def make(steps: int = 2, state: Any = "paused", error: str = "", **more: Any) -> tuple[BptuiApp, FakeLink]:
        recording = recorded("stopped.bptui").target(source=LOOP)
        recording.writer.source("/x/main.py", "from loop import train\ntrain()\n")
        recording.samples([{"epoch": 0, "index": i, "loss": 4.0 - i} for i in range(3)])
        recording.stack(2, *frames(0.25, 1)).stack(3, *frames(0.5, 2), error=error).state(state)
        link = FakeLink(Path("stopped.bptui"), Status(state, 0, steps, **more))
        return BptuiApp(link), link  # type: ignore[arg-type]

    return make
