"""Trainings that crash, hang, leave, or pull the rug away: the session answers, tells, and can begin again."""

import math
import signal
import time

import psutil
import pytest

from bptui.protocol import Pause, Step


def end(client):
    return client.wait(lambda status: status.state in ("finished", "failed"))


def run(client):
    client.send(Step("run"))
    return end(client)


def test_raises(begin):
    status = run(begin("def loop():\n    yield from ten(lambda i: 1 / (3 - i))\n"))
    assert (status.state, status.steps, status.exit_code) == ("failed", 3, 1)
    assert "ZeroDivisionError" in status.detail
    assert "loop.py" in status.detail


@pytest.mark.parametrize(
    ("argument", "code", "state"), [("3", 3, "failed"), ("0", 0, "finished"), ("'why'", 1, "failed")]
)
def test_calls_sys_exit(begin, argument, code, state):
    status = run(begin(f"def loop():\n    yield from ten(lambda i: i < 5 or sys.exit({argument}))\n"))
    assert (status.state, status.steps, status.exit_code) == (state, 5, code)


@pytest.mark.parametrize("code", [0, 7])
def test_calls_os_exit(begin, code):
    status = run(begin(f"def loop():\n    yield from ten(lambda i: i < 5 or os._exit({code}))\n"))
    assert status.state == "failed"
    assert status.exit_code == (code or 1)
    assert f"exit code {code}" in status.detail


@pytest.mark.parametrize("number", ["SIGSEGV", "SIGKILL", "SIGRTMIN"])
def test_is_killed_by_a_signal(begin, number):
    client = begin(
        f"""
        def loop():
            number = signal.{number}
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            yield from ten(lambda i: i < 5 or os.kill(os.getpid(), number))
        """
    )
    status = run(client)
    assert status.state == "failed"
    assert status.exit_code == 128 + getattr(signal, number)
    assert f"killed by signal {int(getattr(signal, number))} ({number})" in status.detail
    assert client.reset().state == "paused"


HANGS = {
    "in a system call": "time.sleep(1e6)",
    "with no signals": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); time.sleep(1e6)",
    "in C": "libc = ctypes.CDLL(None)\n            while True: libc.pause()",
    "in C with the GIL": "ctypes.PyDLL(None).sleep(1000000)",
    "in Python": "while True: pass",
    "ignoring SIGTERM and SIGINT": (
        "for number in (2, 15): signal.signal(number, signal.SIG_IGN)\n            while True: time.sleep(1e6)"
    ),
    "stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
}


@pytest.mark.parametrize("how", HANGS.values(), ids=HANGS.keys())
def test_hangs(begin, house, how):
    client = begin(
        f"""
        def hang():
            print("now", flush=True)
            {how}

        def loop():
            yield from ten(lambda i: i < 5 or hang())
        """
    )
    client.send(Step("run"))
    client.wait(lambda status: house.printed()[:1] == [(5, False, "now")], state="running")
    client.send(Pause())
    assert client.wait(pausing=True).state == "running"
    assert client.reset().state == "paused"
    assert not client.status.pausing


def test_hangs_and_is_quit(build):
    house = build("def loop():\n    yield from ten(lambda i: i < 5 or time.sleep(1e6))\n")
    client = house.client()
    client.wait(state="paused")
    client.step(5)
    client.send(Step("run"))
    client.wait(state="running")
    house.quit()
    reader = house.reader()
    assert reader.steps(0) == 5
    assert (reader.branches()[0].state, reader.branches()[0].detail) == ("finished", "quit")


def test_hangs_while_it_is_imported_and_is_quit(build):
    house = build("time.sleep(1e6)\n")
    client = house.client()
    client.wait(lambda status: status.detail.startswith("loading"))
    client.send(Step("sample"))
    house.quit()


def test_quit_while_torch_is_imported(build):
    house = build()
    house.client().wait(state="starting")
    house.quit()


def test_quit_before_anything(build):
    build().quit()


def test_yields_what_is_no_number(begin, house):
    client = begin(
        """
        def loop():
            for i, loss in enumerate([1.0, float("nan"), float("inf"), -float("inf")]):
                yield Sample(epoch=0, index=i, loss=loss)
        """
    )
    assert run(client).steps == 4
    losses = [each.quantities["loss"].item for each in house.reader().samples(client.status.branch, 0, 4)]
    assert losses[0] == 1.0
    assert math.isnan(losses[1])
    assert losses[2:] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("{'epoch': 0, 'index': 0}", "'loss'"),
        ("{'epoch': 0, 'index': 0, 'loss': 'high'}", "'loss'"),
        ("{'epoch': 0, 'index': 'first', 'loss': 1.0}", "'index'"),
        ("{'epoch': 0.5, 'index': 0, 'loss': 1.0}", "'epoch'"),
        ("{'epoch': 10**30, 'index': 0, 'loss': 1.0}", "'epoch'"),
        ("3.0", "float"),
    ],
)
def test_yields_nonsense(begin, said, word):
    status = run(begin(f"def loop():\n    yield {said}\n"))
    assert (status.state, status.exit_code) == ("failed", 2)
    assert word in status.detail
    assert "\n" not in status.detail


STARTED = """
    def loop():
        subprocess.Popen(["sleep", "1000"])
        subprocess.Popen(["sleep", "1001"], start_new_session=True)
        subprocess.Popen("sleep 1002 & sleep 1003", shell=True, start_new_session=True)
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
            time.sleep(1e6)
        yield from ten()
"""


@pytest.mark.parametrize("state", ["paused", "finished", "reset"])
def test_starts_processes_that_outlive_it(build, state):
    house = build(STARTED)
    client = house.client()
    client.wait(state="paused")
    client.step(1 if state == "paused" else 100)
    if state == "reset":
        client.reset()
        assert client.status.state == "paused"
    else:
        assert client.status.state == state
    if state != "paused":
        alive = house.relatives()
        assert all("sleep" not in process.cmdline() for process in alive)
    house.quit()
    house.assert_empty()


def test_is_killed_and_its_children_go_too(build):
    house = build(STARTED)
    client = house.client()
    client.wait(state="paused")
    client.step()
    house.debuggee.kill()
    assert end(client).exit_code == 128 + signal.SIGKILL
    assert client.reset().state == "paused"
    assert all("sleep" not in process.cmdline() for process in house.relatives())


def test_leaves_a_child_that_holds_its_channel(begin):
    # fork without exec keeps every fd open: the end of the training must not wait for the end of the channel.
    client = begin(
        """
        def loop():
            for i in ten():
                yield i
            if os.fork() == 0:
                os.setsid()
                time.sleep(1e6)
        """
    )
    assert run(client).state == "finished"
    assert client.reset().state == "paused"


def test_closes_every_fd_and_ends(begin):
    status = run(begin("def loop():\n    yield from ten(lambda i: i < 5 or os.closerange(3, 100))\n"))
    assert status.state == "failed"


def test_closes_every_fd_and_hangs(begin):
    client = begin(
        "def loop():\n    yield from ten(lambda i: i < 5 or (os.closerange(3, 100), time.sleep(1e6)))\n"
    )
    status = run(client)
    assert status.state == "failed"
    assert "closed the file descriptor" in status.detail
    assert client.reset().state == "paused"


def test_closes_even_the_standard_ones(begin):
    client = begin("def loop():\n    yield from ten(lambda i: i != 5 or os.closerange(0, 3))\n")
    assert client.step(7).steps == 7
    assert (run(client).state, client.status.steps) == ("finished", 10)


def test_writes_into_its_channel(begin):
    client = begin(
        """
        def scribble():
            for fd in range(3, 100):
                try:
                    os.write(fd, b"hello\\n")
                except OSError:
                    pass
            time.sleep(1e6)

        def loop():
            yield from ten(lambda i: i < 5 or scribble())
        """
    )
    status = run(client)
    assert status.state == "failed"
    assert "channel" in status.detail
    assert client.reset().state == "paused"


def test_replaces_its_streams(begin, house):
    client = begin(
        """
        import io

        def loop():
            kept, sys.stdout = sys.stdout, io.StringIO()
            sys.stderr.close()
            yield from ten(lambda i: print("nobody hears this"))
            sys.stdout = kept
            print("but this")
        """
    )
    assert run(client).state == "finished"
    assert house.printed()[-1][2] == "but this"


def test_changes_directory_environment_and_limits(begin):
    client = begin(
        """
        import resource

        def loop():
            os.chdir("/")
            os.environ.clear()
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
            yield from ten()
        """
    )
    assert run(client).state == "finished"
    assert client.reset().state == "paused"


def test_wants_input(begin, house):
    status = run(begin("def loop():\n    yield from ten(lambda i: input('how much? '))\n"))
    assert status.state == "failed"
    assert "EOFError" in status.detail


def test_starts_threads_that_print_for_ever(begin):
    client = begin(
        """
        def chatter():
            while True:
                print("x" * 1000)

        def loop():
            threading.Thread(target=chatter, daemon=True).start()
            yield from for_ever()
        """
    )
    assert client.step(20).steps == 20
    assert client.reset().state == "paused"


def test_starts_a_process_that_prints_for_ever(begin, house):
    client = begin("def loop():\n    subprocess.Popen(['yes'])\n    yield from for_ever()\n")
    assert client.step(20).steps == 20
    assert client.step(20).steps == 40
    assert client.reset().state == "paused"
    assert all(process.name() != "yes" for process in house.relatives())


def test_is_slow_to_go_and_still_reset(begin):
    client = begin("import atexit\natexit.register(time.sleep, 1e6)\ndef loop():\n    yield from ten()\n")
    client.step()
    assert client.reset().state == "paused"


def test_stays_in_memory_only_while_it_is_wanted(begin, house):
    client = begin()
    for _ in range(5):
        client.step()
        client.reset()
    deadline = time.monotonic() + 5
    while len(house.keeper.children()) > 1 and time.monotonic() < deadline:
        psutil.wait_procs(house.keeper.children(), timeout=0.1)
    assert len(house.keeper.children()) == 1
    assert house.process.num_fds() < 30
