"""The keeper's side of its debuggees."""

import os
import signal
import socket

import pytest

from bptui.debuggee.keeper import _Keeper
from bptui.protocol import PROTOCOL_VERSION, Channel, Exited


@pytest.fixture
def here():
    """A keeper in this process, and the session's end of its channel."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    handler, wakeup = signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(-1)
    keeper = _Keeper(Channel(theirs))
    yield keeper, Channel(ours)
    signal.set_wakeup_fd(wakeup)
    signal.signal(signal.SIGCHLD, handler)
    for sock in (ours, theirs, keeper._alarm, keeper._wakeup):
        sock.close()


def test_it_says_what_it_runs_on(keeper):
    import torch

    assert keeper.ready.version == PROTOCOL_VERSION
    assert keeper.ready.pid == keeper.process.pid
    assert keeper.ready.torch == torch.__version__


@pytest.mark.parametrize("wait_first", [False, True])
def test_the_end_of_a_debuggee_is_told_of_while_the_keeper_imports(here, monkeypatch, wait_first):
    keeper, channel = here
    go, gone = os.pipe()
    if (pid := os.fork()) == 0:
        os.read(go, 1)
        os._exit(7)
    keeper._children.add(pid)
    heard = []

    def slow_import(name):
        if not wait_first:
            os.write(gone, b"x")
        heard.append(channel.receive())

    if wait_first:
        os.write(gone, b"x")
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    monkeypatch.setattr("importlib.import_module", slow_import)
    keeper._warm_up()
    assert heard == [Exited(pid, 7)]
    assert keeper._children == set()
    os.close(go)
    os.close(gone)


def test_several_debuggees_at_once(keeper, tmp_path):
    from .driver import write_loop

    target = write_loop(tmp_path / "loops.py", "def loop(code: int):\n    yield\n    sys.exit(code)")
    started = [keeper.fork(target, "--code", str(code)) for code in range(3)]
    for debuggee in started:
        debuggee.close()
    assert {debuggee.code() for debuggee in started} == {-signal.SIGKILL}
