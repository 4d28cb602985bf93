"""What `bptui record` costs unmodified scripts, beside what other tools cost that log as much.

The time of a sample is that of the processor in the training's own process, start and warm-up left out. Unlike
the wall's it does not grow when neighbours take the core away; bptui's ratio is also given by the wall, as
waiting for the session would show there alone. Within a run everything counts, as what is done now and then
(sending, statistics, a histogram) is part of the cost: so it is a mean, neither a minimum nor a median of
samples. Runs come in rounds, bare and the others in turn; a ratio is of one round, where a busy minute hits
both, and of the rounds' ratios the median is taken, which one bad round does not move. Each run is a new
process: the layout of memory differs.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from rich.console import Group
from rich.table import Table

from benchmarks.timing import environment
from benchmarks.training import MEASURED

ROUNDS = 4
SECONDS = 2.0
"""So long each run is timed: with ROUNDS it bounds the whole to six minutes, most of which are imports."""

PEER_SECONDS = 1.5
"""So long a peer, in the first round only: what tells them from bptui is more than what a round is off."""


class Script(NamedTuple):
    """A training of `benchmarks.training`, and what recording it may cost."""

    title: str
    target: float


SCRIPTS = {
    "seed": Script("the seed's script", 1.5),
    "lstm": Script("LSTM", 1.2),
    "mlp": Script("MLP of 50 layers", 1.15),
    "gpt": Script("small GPT", 1.03),
    "conv": Script("convolutional net", 1.03),
}


class Peer(NamedTuple):
    """A way of `benchmarks.training.peers`, and the distribution it needs."""

    title: str
    distribution: str


PEERS = {
    "tensorboard": Peer("TensorBoard", "tensorboard"),
    "wandb": Peer("wandb", "wandb"),
    "wandb_each": Peer("wandb, each sample", "wandb"),
    "cockpit": Peer("Cockpit", "cockpit-for-pytorch"),
}


NOT_INSTALLED = "not installed"


QUIET = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 26),
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",
}
"""The variables of each run. Memory that is freed stays with the process: given back and faulted in anew at each
sample, it made those of the convolutional net last 10 to 15 ms, by chance of its layout; so it is 10.5 to 11.5."""


class Spent(NamedTuple):
    """Seconds per sample, in the mean of a run."""

    wall: float
    cpu: float


class Failed(Exception):
    """A run ended before it was timed, for this reason."""


@dataclass(frozen=True)
class Line:
    """A script's line of the table.

    Attributes:
        script: Which.
        bare: Milliseconds per sample without anything.
        wall: The wall's time under `bptui record`, relative to bare.
        recorded: The same of the processor's time.
        peers: The same of each peer, or why it does not run.
    """

    script: Script
    bare: float
    wall: float
    recorded: float
    peers: dict[str, float | str]

    @property
    def missed(self) -> list[str]:
        """What bptui should cost less than and does not."""
        target = [f"{self.script.target:g}×"] * (self.recorded > self.script.target)
        return target + [
            PEERS[peer].title
            for peer, ratio in self.peers.items()
            if isinstance(ratio, float) and ratio <= self.recorded
        ]


def lines(names: Iterable[str]) -> Iterator[Line]:
    """Measure these scripts."""
    for name in names:
        line = _line(name)
        print(f"{line.script.title}: {line.recorded:.2f}×", file=sys.stderr)
        yield line


def _line(name: str) -> Line:
    bare, recorded = [], []
    peers: dict[str, float | str] = {}
    for _ in range(ROUNDS):
        bare.append(_run(name, "bare", SECONDS))
        recorded.append(_recorded(name))
        peers = peers or {peer: _of_peer(name, peer, bare[0]) for peer in PEERS}
    pairs = list(zip(recorded, bare, strict=True))
    return Line(
        SCRIPTS[name],
        statistics.median(spent.cpu for spent in bare) * 1e3,
        statistics.median(spent.wall / without.wall for spent, without in pairs),
        statistics.median(spent.cpu / without.cpu for spent, without in pairs),
        peers,
    )


def _of_peer(name: str, peer: str, bare: Spent) -> float | str:
    try:
        version(PEERS[peer].distribution)
        return _run(name, peer, PEER_SECONDS).cpu / bare.cpu
    except PackageNotFoundError:
        return NOT_INSTALLED
    except Failed as failed:
        return str(failed)


def _recorded(name: str) -> Spent:
    with tempfile.TemporaryDirectory() as folder:
        return _run(name, "bare", SECONDS, "bptui", "record", "-o", Path(folder) / "r.bptui", "-m")


def _run(name: str, way: str, seconds: float, *before: object) -> Spent:
    command = [sys.executable, "-m", *before, f"benchmarks.training.{name}", way, seconds]
    with tempfile.TemporaryDirectory() as folder:  # of all that peers write
        variables = {**environment(), **QUIET, "TMPDIR": folder}
        done = subprocess.run([*map(str, command)], env=variables, check=False, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith(MEASURED):
            return Spent(*map(float, line.removeprefix(MEASURED).split()))
    raise Failed(_reason(done.stderr))


def _reason(stderr: str) -> str:
    """The first exception of a traceback, which others may follow from, or else the last line."""
    lines = stderr.splitlines() or ["no word of why"]
    return next((line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)), lines[-1])


def table(lines: Sequence[Line]) -> Group:
    """The lines, and below them why a peer does not run."""
    table = Table("a sample of", box=None, pad_edge=False)
    for title in ("bare", "bptui record", "by the wall", *(peer.title for peer in PEERS.values()), "target"):
        table.add_column(title, justify="right")
    table.add_column("met")
    notes = []
    for line in lines:
        costs = [line.recorded, line.wall, *line.peers.values()]
        missed = f"MISSED: {', '.join(line.missed)}" if line.missed else "yes"
        table.add_row(
            line.script.title, f"{line.bare:.3g} ms", *map(_cell, costs), f"≤ {line.script.target:g}×", missed
        )
        notes += [
            f"{PEERS[peer].title} does not run with {line.script.title}: {why}"
            for peer, why in line.peers.items()
            if _cell(why) == "–"
        ]
    return Group(table, *notes)


def _cell(cost: float | str) -> str:
    if isinstance(cost, float):
        return f"{cost:.2f}×"
    return cost if cost == NOT_INSTALLED else "–"
