"""What `bptui record` costs unmodified scripts, beside what other tools cost that log as much.

The peers run in the Python that BPTUI_PEERS names, if it names one: an environment with torch and with them. Which
are measured is said by what can be imported there; TensorBoard is always there.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.timing import Row, environment, interleave, row

ROUNDS = 5

SCRIPTS = {
    "seed": ("the seed's script", 27_000, 1.5),
    "lstm": ("LSTM", 3_600, 1.2),
    "mlp": ("MLP of 50 layers", 1_000, 1.15),
    "gpt": ("small GPT", 300, 1.03),
    "conv": ("convolutional net", 300, 1.03),
}
"""Per script its name, how many samples are run, and what recording may cost."""

SHARES = {"seed": 1.0, "lstm": 0.5, "mlp": 0.1, "gpt": 0.1, "conv": 0.2}
"""Of the samples so many are run with peers, which are slow."""

PEERS = os.environ.get("BPTUI_PEERS", "")


def rows() -> Iterator[Row]:
    """Per script the time of a sample, by the wall and of its processor, and that of the whole process."""
    peers = [peer for peer in ("tensorboard", "wandb") if peer == "tensorboard" or _is_there(peer)]
    for script, (name, samples, target) in SCRIPTS.items():
        yield from _rows(script, name, samples, target, [] if script == "seed" else peers)


def _rows(script: str, name: str, samples: int, target: float, peers: list[str]) -> Iterator[Row]:
    walls: dict[str, list[float]] = {}
    cpus: dict[str, list[float]] = {}
    wholes: dict[str, list[float]] = {}
    cases: dict[str, Callable[[], list[str]]] = {
        "bare": partial(_python, sys.executable, "-m", f"benchmarks.training.{script}", "bare", samples),
        "bptui record": partial(_recorded, script, samples),
    }
    fewer = max(100, int(samples * SHARES[script]))
    for peer in peers:
        python = sys.executable if peer == "tensorboard" else PEERS
        cases[peer] = partial(_python, python, "-m", f"benchmarks.training.{script}", peer, fewer)

    def measured(way: str, case: Callable[[], list[str]]) -> float:
        began = time.perf_counter()
        wall, cpu = map(float, case()[-1].split())
        wholes.setdefault(way, []).append(time.perf_counter() - began)
        cpus.setdefault(way, []).append(cpu * 1e3)
        walls.setdefault(way, []).append(wall * 1e3)
        return wall

    interleave({way: partial(measured, way, case) for way, case in cases.items()}, ROUNDS)
    for way in cases:
        goal = target if way == "bptui record" else None
        yield row(f"{name}, {way}: a sample", walls[way], "ms", ratio=_ratio(walls, way), target=goal)
        yield row(f"{name}, {way}: a sample, processor", cpus[way], "ms", ratio=_ratio(cpus, way))
    for way in ("bare", "bptui record"):
        yield row(f"{name}, {way}: whole process", wholes[way], "s", ratio=_ratio(wholes, way))


def _ratio(values: dict[str, list[float]], way: str) -> float:
    return statistics.median(value / bare for value, bare in zip(values[way], values["bare"], strict=True))


def _python(python: str, *arguments: object) -> list[str]:
    command = [python, *map(str, arguments)]
    quiet = {**environment(), "WANDB_SILENT": "true", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command, env=quiet, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return done.stdout.splitlines()


def _recorded(script: str, samples: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        command = ("-m", "bptui", "record", "-o", Path(folder) / "r.bptui", "-m", f"benchmarks.training.{script}")
        return _python(sys.executable, *command, "bare", samples)


def _is_there(peer: str) -> bool:
    probe = ["-c", f"import {peer}"]
    return bool(PEERS) and subprocess.run([PEERS, *probe], capture_output=True, check=False).returncode == 0
