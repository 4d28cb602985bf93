"""The terminal of a script under `bptui record`: as without bptui."""

import os
import signal
import subprocess

import pytest

from bptui.recording.reader import Reader

READY = "print('ready', flush=True)\n"
TRAIN = """
import torch
weight = torch.ones(1, requires_grad=True)
for i in range(5):
    weight.sum().backward()
"""


@pytest.fixture
def on_terminal(shell, open_terminal):
    """Starts `bptui record` of a script on a terminal."""

    def start(source, **options):
        shell.write(source)
        return open_terminal("record", "-o", shell.recording, "loop.py", **options)

    return start


def printed(shell):
    reader = Reader(shell.recording)
    return [line.text for line in reader.output(0, reader.output_count())]


def test_ctrl_c_is_the_scripts_keyboard_interrupt(shell, on_terminal):
    screen = on_terminal(
        TRAIN
        + """
import time
try:
    print('ready')
    time.sleep(1000)
except KeyboardInterrupt:
    print('caught', i)
    print('again')
    time.sleep(1000)
finally:
    print('finally')
"""
    )
    screen.wait("ready")
    screen.press("\x03")
    screen.wait("caught 4", "again")
    screen.press("\x03")
    assert screen.wait_end() == 130
    assert "finally" in screen.text
    assert "KeyboardInterrupt" in screen.text
    assert "bptui/" not in screen.text
    assert "5 samples recorded in" in screen.text
    reader = Reader(shell.recording)
    assert reader.steps(0) == 5
    assert reader.branches()[0].exit_code == 130
    assert reader.branches()[0].detail.startswith("KeyboardInterrupt")


def test_a_handler_of_its_own_and_an_exit_code(on_terminal):
    screen = on_terminal(
        "import signal, sys\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(7))\n" + READY + "signal.pause()"
    )
    screen.wait("ready")
    screen.press("\x03")
    assert screen.wait_end() == 7


def test_input_is_asked_for_and_given(shell, on_terminal):
    screen = on_terminal(
        """
        import getpass, os, sys
        print("hello", input("name? "))
        print("secret of", len(getpass.getpass()))
        print(sys.stdin.readlines(), os.isatty(0), os.isatty(1), os.isatty(2), os.ttyname(0) == os.ttyname(2))
        """
    )
    screen.wait("name?")
    screen.press("Adb\x7fa\r")
    screen.wait("name? Ada", "hello Ada", "Password:")
    screen.press("hush\r")
    screen.wait("secret of 4")
    screen.press("one\rtwo\r\x04")
    assert screen.wait_end() == 0
    assert "['one\\n', 'two\\n'] True True True True" in screen.text
    assert "hush" not in screen.text
    assert printed(shell)[:2] == ["name? Ada", "hello Ada"]


def test_the_size_is_the_real_one_and_follows(on_terminal):
    screen = on_terminal(
        """
        import os, signal
        print(os.get_terminal_size(), flush=True)
        signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size(2), flush=True))
        print("ready")
        input()
        """,
        width=97,
        height=31,
    )
    screen.wait("columns=97, lines=31", "ready")
    screen.resize(77, 22)
    screen.wait("columns=77, lines=22")
    screen.press("\r")
    assert screen.wait_end() == 0


def test_a_script_that_ignores_everything_is_ended_by_a_second_sigterm(shell, on_terminal):
    screen = on_terminal(
        "import signal\n"
        "def refuse(number, _): print('no', number, flush=True)\n"
        "signal.signal(signal.SIGINT, refuse); signal.signal(signal.SIGTERM, refuse)\n"
        + READY
        + "while True: signal.pause()"
    )
    screen.wait("ready")
    screen.press("\x03")
    screen.wait("no 2")
    screen.press("\x03\x03")
    os.kill(screen.pid, signal.SIGTERM)
    screen.wait("no 15")
    os.kill(screen.pid, signal.SIGTERM)
    assert screen.wait_end() == 128 + signal.SIGTERM
    shell.assert_empty()


def test_bars_are_rewritten_in_place(shell, on_terminal):
    """As tqdm does it: an outer bar, an inner one below it, a line printed above both, on stdout."""
    screen = on_terminal(
        r"""
        import sys
        bar = sys.stderr
        for epoch in range(3):
            bar.write(f"\repoch {epoch}"); bar.flush()
            for i in range(100):
                bar.write(f"\n\rsample {i:<3}\x1b[A"); bar.flush()
            bar.write("\r\x1b[K"); bar.flush()
            print("loss", epoch)
        bar.write("\n")
        """
    )
    assert screen.wait_end() == 0
    lines = [line.rstrip() for line in screen.text.splitlines()]
    assert lines[:4] == ["loss 0", "loss 1", "loss 2", "sample 99"]
    assert printed(shell) == ["loss 0", "loss 1", "loss 2", "sample 99"]


def test_pipes_stay_pipes(shell):
    shell.write(
        "import os, sys; print(*map(os.isatty, range(3)), sys.stdin.read(), flush=True); os.write(2, b'err')"
    )
    done = subprocess.run(
        shell.command("record", "-o", shell.recording, "loop.py"), cwd=shell.folder, env=shell.environment,
        input=b"given", capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"False False False given\n", b"err")
    assert printed(shell) == ["False False False given", "err"]


def test_a_signal_from_elsewhere_is_the_scripts(shell):
    shell.write("import signal\n" + READY + "signal.pause()")
    for number in (signal.SIGINT, signal.SIGTERM):
        shell.recording.unlink(missing_ok=True)
        process = shell.start(
            "record", "-o", shell.recording, "loop.py", stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert (b"KeyboardInterrupt" if number == signal.SIGINT else b"SIGTERM") in errors
