"""Recordings of any length without a training, written by the real writer and kept for the next run."""

from __future__ import annotations

import base64
import math
import tempfile
from array import array
from pathlib import Path

import bptui
from bptui.protocol import Samples
from bptui.recording.schema import SCHEMA_VERSION
from bptui.recording.writer import Writer
from bptui.records import QUANTITIES, Kind, Layout

IN_AN_EPOCH = 1000
_BATCH = 4000


def recording(count: int) -> Path:
    """A finished recording of so many samples."""
    folder = Path(tempfile.gettempdir()) / "bptui-benchmarks"
    folder.mkdir(exist_ok=True)
    path = folder / f"{count}-{bptui.__version__}-{SCHEMA_VERSION}.bptui"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=folder) as draft:
            _write(Path(draft) / "r.bptui", count)
            (Path(draft) / "r.bptui").rename(path)
    return path


def _write(path: Path, count: int) -> None:
    writer = Writer(path)
    writer.begin_branch("start")
    kind = Kind((1,), "float32", "cpu")
    writer.layout(0, Layout(dict.fromkeys(QUANTITIES, kind), samples=IN_AN_EPOCH))
    for first in range(0, count, _BATCH):
        numbers = array("d")
        for step in range(first, min(first + _BATCH, count)):
            numbers.extend((step // IN_AN_EPOCH, step % IN_AN_EPOCH))
            numbers.extend(math.sin(step * 1e-3) + quantity for quantity in range(len(QUANTITIES)))
        writer.samples(Samples(first, 0, base64.b64encode(numbers).decode()))
        writer.commit()
    writer.state("finished", "", 0)
    writer.close()
