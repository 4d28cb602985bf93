"""Where recordings and sockets lie, who may see them, and which recordings go."""

import os
import stat
import subprocess
import sys
import time

import pytest

from bptui import paths
from bptui.errors import BptuiError
from bptui.recording.reader import Reader
from bptui.recording.writer import Writer


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    paths.recordings().mkdir(parents=True)


def make(name, age, size=100):
    path = paths.recordings() / f"{name}.bptui"
    path.write_bytes(b"x" * size)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def left():
    return sorted(path.name for path in paths.recordings().iterdir())


def test_a_name_tells_the_target_and_the_time():
    path = paths.new_recording("some/where/train.py:loop")
    assert path.parent == paths.recordings()
    assert path.name.startswith(time.strftime("%Y%m%d-"))
    assert "-train.py-loop-" in path.name
    assert path != paths.new_recording("some/where/train.py:loop")


def test_the_oldest_beyond_the_number_go():
    for age in range(5):
        make(f"r{age}", age * 100)
    paths.prune(keep=3)
    assert left() == ["r0.bptui", "r1.bptui", "r2.bptui"]


def test_the_oldest_beyond_the_size_go():
    for age in range(5):
        make(f"r{age}", age * 100, size=1000)
    paths.prune(size=2500)
    assert left() == ["r0.bptui", "r1.bptui"]


def test_the_newest_stays_however_large():
    make("huge", 0, size=5000)
    make("old", 100)
    paths.prune(size=1000)
    assert left() == ["huge.bptui"]


def test_others_files_stay():
    (paths.recordings() / "notes.txt").touch()
    make("r", 0)
    paths.prune(keep=0, size=0)
    assert left() == ["notes.txt"]


def test_nothing_to_prune(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "nowhere"))
    paths.prune()


WRITE = """
import sys, pathlib
from bptui.recording.writer import Writer
writer = Writer(pathlib.Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def test_one_that_is_being_written_stays_and_one_whose_writer_was_killed_goes():
    path = paths.recordings() / "live.bptui"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout.readline() == "open\n"
    paths.prune(keep=0)
    assert "live.bptui" in left()
    Reader(path).close()
    writer.kill()
    writer.communicate()
    assert "live.bptui-wal" in left()
    paths.prune(keep=0)
    assert left() == []


def test_one_that_is_finished_goes():
    path = paths.recordings() / "done.bptui"
    Writer(path).close()
    paths.prune(keep=0)
    assert left() == []


def test_a_socket_is_private_and_found():
    sock, path = paths.listen()
    with sock:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert path in paths.sockets()


def test_a_dead_socket_is_cleared_away():
    sock, path = paths.listen()
    sock.close()
    assert path.exists()
    assert path not in paths.sockets()
    assert not path.exists()


def test_a_runtime_directory_that_others_may_enter_is_refused(tmp_path, monkeypatch):
    (tmp_path / "bptui").mkdir()
    (tmp_path / "bptui").chmod(0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(BptuiError, match="chmod 700"):
        paths.listen()


def test_a_runtime_directory_that_can_not_be_made(tmp_path, monkeypatch):
    (tmp_path / "bptui").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(BptuiError, match="XDG_RUNTIME_DIR"):
        paths.listen()


def test_a_path_too_long_for_a_socket(tmp_path, monkeypatch):
    (tmp_path / ("x" * 100)).mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 100)))
    with pytest.raises(BptuiError, match="XDG_RUNTIME_DIR"):
        paths.listen()


def test_without_a_runtime_directory_there_is_another(monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    sock, path = paths.listen()
    sock.close()
    path.unlink()
