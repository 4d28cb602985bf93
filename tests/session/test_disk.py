"""Where there is no room, recording stops and stepping goes on; what can not even begin says so in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from bptui.protocol import to_json
from bptui.session.options import SessionOptions


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mount is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_stops_the_recording_and_nothing_else(build, small_disk):
    house = build("def loop():\n    yield from for_ever()\n", recording=small_disk / "r.bptui")
    client = house.client()
    client.wait(state="paused")
    client.step(10)
    steps = 10
    while not client.status.trouble:
        client.step(1000)
        steps += 1000
    status = client.status
    assert "full" in status.trouble
    assert f"after sample {status.steps}" in status.trouble
    assert "loss" in status.live
    assert house.reader().steps(0) == status.steps
    # Stepping goes on, and so does everything else.
    seen = status.live
    client.send_step(3)
    assert client.wait(lambda status: status.live != seen, state="paused").trouble
    assert client.reset().state == "paused"
    client.send_step(1)
    assert "sample 1" in client.wait(lambda status: status.live != "", state="paused").live
    house.quit()
    assert house.reader().steps(0) == status.steps


def test_a_full_disk_of_temporary_files(build, small_disk, tmp_path):
    (small_disk / "filler").write_bytes(b"x" * (640 << 10))
    house = build(TMPDIR=str(small_disk))
    client = house.client()
    client.wait(state="paused")
    assert client.step().steps == 1
    assert client.reset().state == "paused"


def test_a_full_disk_ends_the_protocol_log_and_nothing_else(build, small_disk):
    (small_disk / "filler").write_bytes(b"x" * (600 << 10))
    house = build("def loop():\n    yield from for_ever()\n", log=small_disk / "log")
    client = house.client()
    client.wait(state="paused")
    assert client.step(5000).steps == 5000


def start(recording, log=None):
    options = to_json(SessionOptions("linear", (), str(recording), str(log) if log else None))
    return subprocess.run(
        [sys.executable, "-m", "bptui.session", options], capture_output=True, text=True, check=False, timeout=30
    )


def assert_one_line(done):
    assert done.returncode == 2
    assert done.stderr.startswith("bptui: ")
    assert done.stderr.count("\n") == 1


def test_no_room_at_all(small_disk):
    (small_disk / "filler").write_bytes(b"x" * (640 << 10))
    assert_one_line(start(small_disk / "r.bptui"))


def test_almost_no_room(small_disk):
    (small_disk / "filler").write_bytes(b"x" * (560 << 10))
    assert_one_line(start(small_disk / "r.bptui"))


def test_a_folder_that_can_not_be_written(tmp_path):
    (tmp_path / "file").touch()
    done = start(tmp_path / "file" / "r.bptui")
    assert_one_line(done)
    assert str(tmp_path / "file" / "r.bptui") in done.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a file system that is read-only even for root")
def test_a_read_only_file_system():
    assert_one_line(start("/proc/bptui/r.bptui"))


def test_a_recording_that_is_there_already(tmp_path):
    path = tmp_path / "r.bptui"
    path.write_text("precious")
    assert_one_line(start(path))
    assert path.read_text() == "precious"


def test_a_protocol_log_that_can_not_be_written(tmp_path):
    done = start(tmp_path / "r.bptui", tmp_path / "no" / "such" / "log")
    assert_one_line(done)
    assert "protocol log" in done.stderr
    assert not (tmp_path / "r.bptui").exists()
