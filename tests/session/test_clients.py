"""Who may connect, who may command, and what happens to those who talk nonsense."""

import contextlib
import socket
import stat

import pytest

from bptui.protocol import (
    PROTOCOL_VERSION,
    Attach,
    Pause,
    Quit,
    Reset,
    Samples,
    Step,
    Stopped,
    Welcome,
    decode,
    encode,
)
from bptui.protocol.messages import Status

GARBAGE = {
    "no JSON": b"hello\n",
    "an unknown tag": b'{"tag":"sudo"}\n',
    "a list": b"[]\n",
    "a tag that is no text": b'{"tag":[]}\n',
    "a field too many": b'{"tag":"step","granularity":"sample","speed":3}\n',
    "a field of the wrong type": b'{"tag":"step","granularity":"sample","count":"1"}\n',
    "no UTF-8": b"\xff\xfe\n",
    "deep nesting": b"[" * 50_000 + b"\n",
    "a number too long": b'{"tag":"step","granularity":"sample","count":' + b"9" * 5000 + b"}\n",
    "a line without an end": b"x" * 200_000,
    "half a line": b'{"tag":"st',
    "nothing": b"",
}


@pytest.mark.parametrize("said", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_instead_of_hello(house, begin, said):
    client = begin()
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(house.socket))
        with contextlib.suppress(BrokenPipeError):  # it may be shown the door before its end
            stranger.sendall(said)
            stranger.shutdown(socket.SHUT_WR)
        assert is_hung_up(stranger)
    assert client.step().steps == 1


def is_hung_up(stranger):
    try:
        return stranger.recv(100) == b""
    except ConnectionResetError:  # so it shows where some of what was said was not read
        return True


@pytest.mark.parametrize("said", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_after_hello(house, begin, said):
    client, rude = begin(), house.client()
    rude.socket.sendall(said)
    rude.socket.shutdown(socket.SHUT_WR)
    with pytest.raises(EOFError):
        while True:
            rude.read()
    assert client.step().steps == 1


def test_messages_that_are_no_commands_are_ignored(begin):
    client = begin()
    client.send(
        Samples(0, 0, "", ()), Stopped(3), Attach(PROTOCOL_VERSION), Status("failed", 7, 7), Step("sample")
    )
    assert client.wait(steps=1, state="paused").branch == client.status.branch


@pytest.mark.parametrize("version", [0, PROTOCOL_VERSION + 1])
def test_another_version_is_told_and_let_go(house, begin, version):
    client = begin()
    other = house.client(version=version)
    assert other.welcome.version == PROTOCOL_VERSION
    with pytest.raises(EOFError):
        other.read()
    assert client.step().steps == 1


def test_two_apps_see_the_same(begin, house):
    one, two = begin(), house.client()
    one.step()
    assert two.wait(steps=1, state="paused") == one.status
    two.step(2)
    assert one.wait(steps=3, state="paused") == two.status


def test_the_welcome_names_the_recording(house, begin):
    assert begin().welcome == Welcome(PROTOCOL_VERSION, str(house.recording))


def test_a_viewer_is_shown_and_not_obeyed(begin, house):
    client, viewer = begin(), house.client(viewer=True)
    viewer.send(Step("sample"), Reset(), Quit())
    client.step(2)
    assert viewer.wait(steps=2, state="paused").branch == client.status.branch
    assert house.process.is_running()


def test_apps_come_and_go_at_any_moment(begin, house):
    client = begin("def loop():\n    yield from for_ever()\n")
    client.send(Step("run"))
    for _ in range(20):
        hasty = house.client()
        hasty.send(Step("sample"))
        hasty.close()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(house.socket))
        client.send(Pause())
        client.wait(state="paused")


def test_an_app_that_does_not_read_keeps_nobody_waiting(begin, house):
    client = begin()
    deaf = house.client()
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(5):
        client.step(granularity="run")
        client.reset()
    assert client.step().steps == 1


def test_the_socket_is_private(house, begin):
    begin()
    assert stat.S_IMODE(house.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(house.socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(house.recording.stat().st_mode) == 0o600


def test_the_socket_goes_with_the_session(build):
    house = build()
    house.client().wait()
    house.quit()
    assert not house.socket.exists()


def test_the_log_holds_every_message(build, tmp_path):
    from_log = []
    log = tmp_path / "protocol.log"
    house = build(log=log)
    client = house.client()
    client.wait(state="paused")
    client.step()
    house.quit()
    import json

    for line in log.read_text().splitlines():
        entry = json.loads(line)
        message = decode(json.dumps(entry["message"]).encode())
        assert encode(message) == json.dumps(entry["message"], separators=(",", ":")).encode() + b"\n"
        from_log.append((entry["direction"], type(message).__name__))
        assert entry["time"] > 1e9
    times = [json.loads(line)["time"] for line in log.read_text().splitlines()]
    assert times == sorted(times)
    assert {
        ("app→session", "Attach"), ("session→app", "Welcome"), ("session→app", "Status"), ("app→session", "Step"),
        ("app→session", "Quit"), ("session→keeper", "Fork"), ("keeper→session", "Ready"),
        ("keeper→session", "Forked"), ("keeper→session", "Exited"), ("debuggee→session", "Loaded"),
        ("debuggee→session", "Stopped"), ("debuggee→session", "Samples"), ("debuggee→session", "LayoutSeen"),
        ("debuggee→session", "GraphTraced"), ("session→debuggee", "Step"), ("session→debuggee", "Quit"),
        ("debuggee→session", "Ended"),
    } <= set(from_log)  # fmt: skip
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
