"""What is committed stays, whatever happens to the writer."""

import sqlite3
import subprocess
import sys

import pytest

from bptui.recording.reader import Reader

from .making import layout, losses


def test_a_reader_sees_each_commit_and_nothing_before(writer, read):
    writer.layout(0, layout("loss"))
    reader = read()
    assert reader.steps(0) == 0
    for first in range(0, 100, 10):
        writer.samples(losses(first, [float(first)] * 10))
        assert reader.steps(0) == first
        writer.commit()
        assert reader.steps(0) == first + 10
        assert reader.samples(0, first, first + 1)[0].quantities["loss"].item == first
        assert reader.epochs(0) == first // 10


WRITE_AND_HANG = """
import pathlib, sys, time
from bptui.recording.writer import Writer
from tests.recording.making import layout, losses
writer = Writer(pathlib.Path(sys.argv[1]))
writer.begin_branch("start")
writer.layout(0, layout("loss"))
for first in range(0, 500, 100):
    writer.samples(losses(first, [1.0] * 100))
    writer.commit()
writer.samples(losses(500, [2.0] * 100))
writer.output([(500, 1, "not committed")])
print("written", flush=True)
time.sleep(60)
"""


def test_kill_9_takes_only_what_was_not_committed(path, request):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_HANG, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=request.config.rootpath,
    )
    assert process.stdout.readline() == "written\n"
    living = Reader(path)
    process.kill()
    process.wait()
    process.stdout.close()
    later = Reader(path)
    for reader in (living, later):
        assert reader.steps(0) == 500
        assert len(reader.samples(0, 0, 1000)) == 500
        assert reader.output_count() == 0
        assert reader.branches()[0].state == "starting"
        assert len(reader.columns(0, 500, "loss", 50)) == 50
        reader.close()


def test_a_full_disk_keeps_what_was_committed(writer, path):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0] * 300))
    writer.commit()
    (pages,) = writer._db.execute("PRAGMA page_count").fetchone()
    writer._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        for first in range(300, 100_000, 100):
            writer.samples(losses(first, [1.0] * 100))
            writer.commit()
    writer.abandon()
    reader = Reader(path)
    steps = reader.steps(0)
    assert steps >= 300 and steps % 100 == 0
    assert len(reader.samples(0, 0, steps + 1)) == steps
    assert reader.epochs(0) == (steps - 1) // 10
    reader.close()


def test_a_recording_that_the_disk_has_no_room_for_leaves_no_file(path, monkeypatch):
    monkeypatch.setattr("bptui.recording.writer.SCHEMA", "PRAGMA max_page_count = 1; CREATE TABLE x (y);" * 2)
    from bptui.errors import RecordingError
    from bptui.recording.writer import Writer

    with pytest.raises(RecordingError, match="can not record"):
        Writer(path)
    assert not path.exists()
