"""The app on a real terminal: a newcomer's first minutes, and what may go wrong around them."""

import os
import signal
import subprocess

import psutil
import pytest

LOOP = """
    def loop():
        for i in range(10**9):
            yield {"epoch": i // 10, "index": i % 10, "loss": float(i), "samples": 10}
"""


def test_the_lesson_from_the_first_key_to_the_last(shell, open_terminal):
    terminal = open_terminal("run", "--record", shell.recording, "linear")
    terminal.wait("paused before the first sample", "Graph", "Gradients", "linear.py")
    terminal.press("s")
    terminal.wait("sample 1/9", "-4.0000", "mul", "pow")
    terminal.press("2s")
    terminal.wait("sample 3/9", "-32.4576")
    terminal.press("e")
    terminal.wait("sample 9/9", "paused")
    terminal.press("S")
    terminal.wait("sample 8/9", "looking back")
    terminal.press("s")
    terminal.wait("sample 9/9", without="looking back")
    terminal.resize(80, 24)
    terminal.wait("sample 9/9", "paused")
    terminal.resize(120, 36)
    terminal.wait("sample 9/9", "Weights", "Gradients")
    terminal.press("c")
    terminal.wait("finished")
    terminal.press("r")
    terminal.wait("Esc")
    terminal.press("r")
    terminal.wait("paused before the first sample")
    terminal.press("s")
    terminal.wait("sample 1/9", "-4.0000")
    terminal.press("q")
    terminal.wait("Esc")
    terminal.press("q")
    assert terminal.wait_end() == 0
    shell.assert_empty()
    reader = shell.reader()
    assert [branch.steps for branch in reader.branches()] == [900, 1]
    reader.close()
    beside = shell.recording.with_name("r.bptui-wal")
    assert not beside.exists() or beside.stat().st_size == 0


def test_a_run_is_paused_and_goes_on(shell, open_terminal):
    shell.write(LOOP)
    terminal = open_terminal("run", "--record", shell.recording, "loop.py:loop")
    terminal.wait("paused")
    terminal.press("c")
    terminal.wait("running", "samples/s")
    terminal.press("p")
    terminal.wait("paused")
    terminal.press("q")
    terminal.wait("Esc")
    terminal.press("q")
    assert terminal.wait_end() == 0
    assert shell.reader().steps(0) > 100


def test_kill_of_the_app_leaves_the_session_to_attach_to(shell, open_terminal):
    terminal = open_terminal("run", "--record", shell.recording, "linear")
    terminal.wait("paused")
    terminal.press("3s")
    terminal.wait("sample 3/9")
    terminal.kill()
    again = open_terminal("attach")
    again.wait("sample 3/9", "paused")
    again.press("s")
    again.wait("sample 4/9")
    again.press("q")
    again.wait("Esc")
    again.press("q")
    assert again.wait_end() == 0
    assert shell.reader().steps(0) == 4


def test_detach_and_attach(shell, open_terminal):
    terminal = open_terminal("run", "--record", shell.recording, "linear")
    terminal.wait("paused")
    terminal.press("s")
    terminal.wait("sample 1/9")
    terminal.press("q")
    terminal.wait("detach")
    terminal.press("d")
    assert terminal.wait_end() == 0
    again = open_terminal("attach")
    again.wait("sample 1/9")
    again.press("q")
    again.wait("Esc")
    again.press("q")
    assert again.wait_end() == 0


def test_a_hang_up_of_the_terminal_leaves_the_session(shell, open_terminal):
    terminal = open_terminal("run", "--record", shell.recording, "linear")
    terminal.wait("paused")
    terminal.press("s")
    terminal.wait("sample 1/9")
    terminal.end()
    again = open_terminal("attach")
    again.wait("sample 1/9")
    again.press("q")
    again.wait("Esc")
    again.press("q")
    assert again.wait_end() == 0


@pytest.mark.parametrize("role", ["session", "debuggee"])
def test_kill_of_the_others_is_told_on_screen(shell, open_terminal, role):
    shell.write(LOOP)
    terminal = open_terminal("run", "--record", shell.recording, "loop.py:loop")
    terminal.wait("paused")
    terminal.press("5s")
    terminal.wait("sample 5/10")
    (session,) = psutil.Process(terminal.pid).children()
    victim = session if role == "session" else session.children(recursive=True)[-1]
    os.kill(victim.pid, signal.SIGKILL)
    terminal.wait("gone" if role == "session" else "killed by signal 9")
    assert shell.reader().steps(0) == 5
    terminal.press("S")
    terminal.wait("sample 4/10")
    terminal.press("q")
    if role == "debuggee":
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


def test_a_target_that_is_not_there(shell, open_terminal):
    assert "nowhere.py" in refused(open_terminal("run", "nowhere.py:loop"))


def test_a_function_that_is_no_generator(shell, open_terminal):
    shell.write("def loop():\n    return 3\n")
    terminal = open_terminal("run", "--record", shell.recording, "loop.py:loop")
    assert terminal.wait_end() == 2
    assert "generator" in terminal.text


def test_a_file_that_is_no_recording(shell, open_terminal):
    (shell.folder / "notes.txt").write_text("hello")
    assert "no bptui recording" in refused(open_terminal("open", "notes.txt"))


def test_a_dumb_terminal(open_terminal):
    assert "TERM" in refused(open_terminal("run", "linear", TERM="dumb"))


def test_no_terminal(shell):
    done = shell.bptui("run", "linear")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bptui: ")
    assert done.stderr.count("\n") == 1


def test_a_terminal_that_is_too_small_waits_for_a_larger_one(shell, open_terminal):
    terminal = open_terminal("run", "--record", shell.recording, "linear", width=30, height=10)
    terminal.wait("40")
    terminal.resize(120, 36)
    terminal.wait("paused", "Graph")
    terminal.press("q")  # nothing to lose yet, so it does not ask
    assert terminal.wait_end() == 0


def test_nothing_to_attach_to(shell):
    done = subprocess.run(
        shell.command("attach"), cwd=shell.folder, env=shell.environment, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
