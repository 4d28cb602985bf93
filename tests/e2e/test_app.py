"""The app on a real terminal: a newcomer's first minutes, and what may go wrong around them."""

import os
import signal
import subprocess

import psutil

LOOP = """
    def loop():
        for i in range(10**9):
            yield {"epoch": i // 10, "index": i % 10, "loss": float(i), "samples": 10}
"""


def test_a_run_is_paused_and_goes_on(shell, open_terminal):
    shell.write(LOOP)
    terminal = open_terminal("run", "--record", shell.recording, "loop.py:loop")
    terminal.wait("● paused")
    terminal.press("c")
    terminal.wait("running", "samples/s")
    terminal.press("p")
    terminal.wait("● paused")
    terminal.press("q")
    terminal.wait("Esc")
    terminal.press("q")
    assert terminal.wait_end() == 0
    assert shell.reader().steps(0) > 100


def test_kill_of_the_app_leaves_the_session_to_attach_to(shell, open_terminal):
    terminal = open_terminal("run", "--record", shell.recording, "linear")
    terminal.wait("● paused")
    terminal.press("3s")
    terminal.wait("sample 3/9")
    terminal.kill()
    again = open_terminal("attach")
    again.wait("sample 3/9", "● paused")
    again.press("s")
    again.wait("sample 4/9")
    again.press("q")
    again.wait("Esc")
    again.press("q")
    assert again.wait_end() == 0
    assert shell.reader().steps(0) == 4


def test_a_hang_up_and_a_detach_leave_the_session(shell, open_terminal):
    terminal = open_terminal("run", "--record", shell.recording, "linear")
    terminal.wait("● paused")
    terminal.press("s")
    terminal.wait("sample 1/9")
    terminal.end()
    again = open_terminal("attach")
    again.wait("sample 1/9")
    again.press("q")
    again.wait("detach")
    again.press("d")
    assert again.wait_end() == 0
    again = open_terminal("attach")
    again.wait("sample 1/9")
    again.press("q")
    again.wait("Esc")
    again.press("q")
    assert again.wait_end() == 0


def test_kill_of_the_session_is_told_on_screen(shell, open_terminal):
    shell.write(LOOP)
    terminal = open_terminal("run", "--record", shell.recording, "loop.py:loop")
    terminal.wait("● paused")
    terminal.press("5s")
    terminal.wait("sample 5/10")
    (session,) = psutil.Process(terminal.pid).children()
    os.kill(session.pid, signal.SIGKILL)
    terminal.wait("gone")
    assert shell.reader().steps(0) == 5
    terminal.press("S")
    terminal.wait("sample 4/10")
    terminal.press("q")
    terminal.wait_end()


def test_open_of_a_finished_recording(shell, open_terminal):
    assert shell.record("linear", "--epochs", 2).returncode == 0
    before = shell.recording.read_bytes()
    terminal = open_terminal("open", shell.recording)
    terminal.wait("epoch", "sample 9/9")
    terminal.press("S")
    terminal.wait("sample 8/9")
    terminal.press("q")
    assert terminal.wait_end() == 0
    assert shell.recording.read_bytes() == before


def test_open_of_a_recording_whose_writer_was_killed(shell, open_terminal):
    shell.write(LOOP)
    process = shell.start("record", "-o", shell.recording, "loop.py:loop")
    while not (shell.recording.exists() and shell.recording.stat().st_size and _steps(shell) > 1000):
        os.sched_yield()
    process.kill()
    process.wait()
    terminal = open_terminal("open", shell.recording)
    terminal.wait("sample", "epoch")
    terminal.press("q")
    assert terminal.wait_end() == 0


def _steps(shell):
    try:
        reader = shell.reader()
    except Exception:
        return 0
    steps = reader.steps(0)
    reader.close()
    return steps


def refused(terminal):
    assert terminal.wait_end() == 2
    lines = [line for line in terminal.text.splitlines() if line.strip()]
    assert lines[0].startswith("bptui: ")
    return " ".join(lines)


def test_a_state_directory_that_can_not_be(shell, open_terminal):
    (shell.folder / "state").touch()
    assert str(shell.folder)[:20] in refused(open_terminal("run", "linear"))


def test_a_dumb_terminal(open_terminal):
    assert "TERM" in refused(open_terminal("run", "linear", TERM="dumb"))


def test_no_terminal(shell):
    done = shell.bptui("run", "linear")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bptui: ")
    assert done.stderr.count("\n") == 1


def test_nothing_to_attach_to(shell):
    done = subprocess.run(
        shell.command("attach"), cwd=shell.folder, env=shell.environment, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
