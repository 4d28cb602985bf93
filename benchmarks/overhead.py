"""What recording costs: the seed's loop bare, under `bptui record`, into a list, and with TensorBoard."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.timing import US, Row, interleave, row, run
from bptui.recording.reader import Reader

ROUNDS = 5
SAMPLES = 30_000
SAMPLES_TENSORBOARD = 9_000  # it is slow, and a sample costs the same from the first to the last
IN_AN_EPOCH = 9


def rows() -> Iterator[Row]:
    """Time per sample in the training loop, time of the whole process, and bytes per sample."""
    walls: dict[str, list[float]] = {}
    cases: dict[str, Callable[[], float]] = {
        "bare": partial(_plain, "bare", SAMPLES),
        "bptui record": _recorded,
        "list of five floats": partial(_plain, "listed", SAMPLES),
        "SummaryWriter": partial(_plain, "summary_writer", SAMPLES_TENSORBOARD),
    }
    timed = {name: partial(_with_wall, case, walls.setdefault(name, [])) for name, case in cases.items()}
    seconds = interleave(timed, ROUNDS)
    for name, values in seconds.items():
        target = 1.35 if name == "bptui record" else None
        ratios = [value / bare for value, bare in zip(values, seconds["bare"], strict=True)]
        yield row(
            f"per sample, {name}", [v * US for v in values], "µs", ratio=statistics.median(ratios), target=target
        )
    for name in ("bare", "bptui record"):
        ratio = statistics.median(walls[name]) / statistics.median(walls["bare"])
        yield row(f"whole process of {SAMPLES:,} samples, {name}", walls[name], "s", ratio=ratio)
    yield _size()


def _with_wall(case: Callable[[], float], walls: list[float]) -> float:
    began = time.perf_counter()
    seconds = case()
    walls.append(time.perf_counter() - began)
    return seconds


def _plain(way: str, samples: int) -> float:
    return float(run("-m", "benchmarks.loops", way, samples // IN_AN_EPOCH))


def _recorded(samples: int = SAMPLES) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return _record(Path(folder) / "r.bptui", samples)


def _record(path: Path, samples: int) -> float:
    options = ("-o", path, "benchmarks.loops:timed", "--epochs", samples // IN_AN_EPOCH)
    return float(run("-m", "bptui", "record", *options))


def _size() -> Row:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.bptui"
        _record(path, SAMPLES)
        reader = Reader(path)
        steps = reader.steps(0)
        reader.close()
        return Row("recording of the seed's loop, per sample", path.stat().st_size / steps, "bytes")
