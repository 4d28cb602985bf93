"""kill -9 of each process: the recording opens with everything committed, nobody is left, the others tell."""

import os
import signal
import sqlite3

import pytest

from bptui.protocol import Pause, Step
from bptui.recording.reader import Reader

FOR_EVER = "def loop():\n    subprocess.Popen(['sleep', '1000'])\n    yield from for_ever()\n"


def intact(path):
    """The recording, after a look at its pages and at whether every sample is there."""
    reader = Reader(path)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for branch in reader.branches():
        losses = [each.quantities["loss"].item for each in reader.samples(branch.id, 0, branch.steps)]
        assert losses == [float(i) for i in range(branch.steps)]
    return reader


def bring_to(house, state):
    client = house.client()
    client.wait(state="paused")
    client.send(Step("run"))
    status = client.wait(lambda status: status.steps > 1000)
    if state == "paused":
        client.send(Pause())
        status = client.wait(state="paused")
    return client, status


@pytest.mark.parametrize("state", ["running", "paused"])
def test_of_the_session(build, state):
    house = build(FOR_EVER)
    client, status = bring_to(house, state)
    house.process.kill()
    house.process.wait()
    with pytest.raises((EOFError, ConnectionError)):
        while True:
            status = client.read()
    house.assert_empty()
    reader = intact(house.recording)
    assert reader.steps(0) >= status.steps
    assert reader.branches()[0].state in (state, "running")


def test_of_the_keeper(build):
    house = build(FOR_EVER)
    client, before = bring_to(house, "running")
    house.keeper.kill()
    status = client.wait(state="failed")
    assert "keeper" in status.detail
    assert "SIGKILL" in status.detail
    assert intact(house.recording).steps(0) >= before.steps
    assert [process.pid for process in house.relatives()] == [house.process.pid]
    assert client.reset().state == "paused"
    assert client.step(2).steps == 2


@pytest.mark.parametrize("state", ["running", "paused"])
def test_of_the_debuggee(build, state):
    house = build(FOR_EVER)
    client, before = bring_to(house, state)
    keeper = house.keeper
    house.debuggee.kill()
    status = client.wait(state="failed")
    assert (status.exit_code, status.detail) == (137, "killed by signal 9 (SIGKILL)")
    assert intact(house.recording).steps(0) >= before.steps
    assert {process.pid for process in house.relatives()} == {house.process.pid, keeper.pid}
    assert client.reset().state == "paused"
    assert house.keeper == keeper
    assert client.step(2).steps == 2


def test_of_the_keeper_while_it_imports_torch(build):
    house = build()
    client = house.client()
    client.wait(state="starting")
    house.keeper.kill()
    status = client.wait(state="failed")
    assert "keeper" in status.detail
    assert client.reset().state == "paused"
    assert client.step().steps == 1


def test_of_the_keeper_while_the_target_is_loaded(build):
    house = build("print('here', flush=True)\ntime.sleep(1e6)\n")
    client = house.client()
    client.wait(lambda status: house.printed() != [], state="starting")
    house.keeper.kill()
    assert "keeper" in client.wait(state="failed").detail
    assert [process.pid for process in house.relatives()] == [house.process.pid]


def test_of_the_session_while_torch_is_imported(build):
    house = build()
    house.client().wait(state="starting")
    house.process.kill()
    house.process.wait()
    house.assert_empty()
    intact(house.recording)


def test_a_polite_signal_ends_the_session_properly(build):
    house = build(FOR_EVER)
    _, status = bring_to(house, "running")
    house.process.terminate()
    assert house.process.wait() == 0
    reader = intact(house.recording)
    assert reader.branches()[0].state == "finished"
    assert reader.steps(0) >= status.steps
    assert not house.recording.with_name("recording.bptui-wal").exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_the_end_of_the_terminal_is_not_the_end_of_the_session(build, number):
    house = build()
    client = house.client()
    client.wait(state="paused")
    os.kill(house.process.pid, number)
    assert client.step().steps == 1


def test_a_keeper_that_can_not_even_start(build, tmp_path):
    broken = tmp_path / "broken" / "torch"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("import os, sys\nprint('no libc for you', file=sys.stderr)\nos._exit(9)\n")
    path = os.pathsep.join(filter(None, (str(broken.parent), os.environ.get("PYTHONPATH", ""))))
    client = build(PYTHONPATH=path).client()
    status = client.wait(state="failed")
    assert "exit code 9" in status.detail
    assert "no libc for you" in status.detail


def test_a_torch_that_does_not_import(build, tmp_path):
    broken = tmp_path / "broken" / "torch"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libtorch.so: no such file')\n")
    path = os.pathsep.join(filter(None, (str(broken.parent), os.environ.get("PYTHONPATH", ""))))
    client = build(PYTHONPATH=path).client()
    status = client.wait(state="failed")
    assert "libtorch.so: no such file" in status.refused
    assert status.exit_code == 2
    (broken / "__init__.py").unlink()
    broken.rmdir()
    assert client.reset().state == "paused"


def test_stopped_processes_can_be_quit(build):
    house = build()
    house.client().wait(state="paused")
    for process in (house.debuggee, house.keeper):
        process.suspend()
    house.quit()
