"""`bptui record` from a shell: exit codes, output, signals, the progress bar."""

import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest

LOOP = """
    import os, signal, sys, time

    def ten(before=lambda i: None):
        for i in range(10):
            before(i)
            yield {"epoch": 0, "index": i, "loss": float(i), "samples": 10, "epochs": 1}
"""


@pytest.fixture
def loop(shell):
    def write(body):
        shell.write(LOOP + f"\n    def loop():\n        {body}\n")
        return "loop.py:loop"

    return write


def test_the_lesson_to_its_end(shell):
    done = shell.record("linear", "--epochs", 3)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    reader = shell.reader()
    assert reader.steps(0) == 27
    assert reader.branches()[0].state == "finished"
    assert {path.name for path in shell.folder.iterdir()} == {"r.bptui"}


def test_an_automatic_recording(shell):
    assert shell.bptui("record", "linear", "--epochs", 1).returncode == 0
    (_,) = (shell.folder / "state" / "bptui" / "recordings").glob("*-linear-*.bptui")


def test_a_loop_that_raises(shell, loop):
    done = shell.record(loop("yield from ten(lambda i: 1 / (5 - i))"))
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert 'loop.py", line' in done.stderr
    assert "bptui/" not in done.stderr
    assert shell.reader().steps(0) == 5


@pytest.mark.parametrize(("argument", "code"), [("3", 3), ("None", 0), ("'sorry'", 1)])
def test_sys_exit(shell, loop, argument, code):
    done = shell.record(loop(f"yield from ten(lambda i: i < 5 or sys.exit({argument}))"))
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_bad_yield_is_one_line_that_names_the_key(shell, loop):
    done = shell.record(loop("yield {'epoch': 0, 'index': 0, 'loss': 1.0, 'lose': 2.0}"))
    assert done.returncode == 2
    assert "'lose'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("target", "word"),
    [("nothing", "bptui lessons"), ("nowhere.py:loop", "nowhere.py"), ("loop.py:lop", "did you mean 'loop'")],
)
def test_a_target_that_can_not_be_run_is_one_line(shell, loop, target, word):
    loop("yield from ten()")
    done = shell.record(target)
    assert done.returncode == 2
    assert word in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_module_that_does_not_import_shows_its_own_traceback(shell):
    shell.write("import nonsense_that_is_nowhere\n")
    done = shell.record("loop.py:loop")
    assert done.returncode == 2
    assert "nonsense_that_is_nowhere" in done.stderr.splitlines()[-1]
    assert 'loop.py", line 1' in done.stderr
    assert "bptui/" not in done.stderr


def test_options_of_the_loop(shell):
    done = shell.record("linear", "--lr", "fast")
    assert done.returncode == 2
    assert "--lr" in done.stderr
    assert done.stderr.count("\n") == 1
    shell.recording.unlink()
    done = shell.record("linear", "--help")
    assert done.returncode == 0
    assert "--no-zero-grad" in done.stdout
    assert done.stderr == ""


def test_a_recording_is_never_overwritten(shell):
    shell.recording.write_text("precious")
    done = shell.record("linear")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert shell.recording.read_text() == "precious"


def test_a_state_directory_that_can_not_be(shell):
    (shell.folder / "state").touch()
    done = shell.bptui("record", "linear")
    assert done.returncode == 2
    assert done.stderr.startswith("bptui: ")
    assert done.stderr.count("\n") == 1


def test_output_passes_through_byte_by_byte(shell, loop):
    said = "b'one\\n\\x1b[1mtwo\\r\\xff\\x00 three'"
    target = loop(f"yield from ten(lambda i: (sys.stdout.buffer.write({said}), sys.stderr.write('e%d ' % i)))")
    done = subprocess.run(
        shell.command("record", "-o", shell.recording, target), cwd=shell.folder, env=shell.environment,
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == b"one\n\x1b[1mtwo\r\xff\x00 three" * 10
    assert done.stderr == b"e0 e1 e2 e3 e4 e5 e6 e7 e8 e9 "


def test_nobody_reads_the_output(shell, loop):
    target = loop("yield from ten(lambda i: print('x' * 100_000))")
    process = shell.start("record", "-o", shell.recording, target, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()
    assert shell.reader().steps(0) == 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_whole_recording(shell, loop, number):
    body = "\n        ".join(
        ["try:", "    for i in range(10**9):", "        if i == 1000: print('thousand', flush=True)",
         "        yield {'epoch': 0, 'index': i, 'loss': float(i)}", "finally:", "    print('cleaned up', i)"]
    )  # fmt: skip
    process = shell.start(
        "record", "-o", shell.recording, loop(body), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"thousand\n"
    process.send_signal(number)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (128 + number, b"")
    last = int(said.split()[-1])
    reader = shell.reader()
    assert reader.steps(0) in (last, last + 1)  # the sample at hand may not be done
    assert reader.branches()[0].state == "finished"
    assert not shell.recording.with_name("r.bptui-wal").exists()


def test_ctrl_c_while_torch_is_imported(shell):
    process = shell.start("record", "-o", shell.recording, "linear", stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not process.children() and time.monotonic() < deadline:
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")


def test_children_are_gone_after_the_end(shell, loop):
    target = loop("os.system('sleep 1000 &'); os.system('setsid sleep 1001 &'); yield from ten()")
    assert shell.record(target).returncode == 0
    shell.assert_empty()


def on_terminal(shell, *arguments, keys=b""):
    """What a terminal gets to see, and the exit code."""
    process_id, terminal = pty.fork()
    if process_id == 0:
        os.chdir(shell.folder)
        os.execvpe(shell.command()[0], shell.command(*arguments), shell.environment)
    seen = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError:  # the last one on the other side is gone
            break
        seen += piece
        if keys and b"samples/s" in seen and b"ready" in seen:
            os.write(terminal, keys)
            keys = b""
    os.close(terminal)
    return seen, os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1])


def test_a_progress_bar_on_a_terminal(shell, loop):
    target = loop("yield from ten(lambda i: (time.sleep(0.02), print(f'line {i}')))")
    seen, code = on_terminal(shell, "record", "-o", shell.recording, target)
    assert code == 0
    assert b"samples/s" in seen
    assert b"/10" in seen
    for i in range(10):
        assert seen.count(b"line %d\r\n" % i) == 1


def test_ctrl_c_on_a_terminal(shell, loop):
    target = loop("print('ready'); yield from ({'epoch': 0, 'index': i, 'loss': 1.0} for i in range(10**9))")
    seen, code = on_terminal(shell, "record", "-o", shell.recording, target, keys=b"\x03")
    assert code == 130
    assert b"Traceback" not in seen
    assert shell.reader().branches()[0].state == "finished"


def test_the_protocol_log(shell):
    log = shell.folder / "log"
    assert (
        shell.bptui("record", "-o", shell.recording, "--log-protocol", log, "linear", "--epochs", 2).returncode
        == 0
    )
    tags = [json.loads(line)["message"]["tag"] for line in log.read_text().splitlines()]
    assert {"ready", "fork", "forked", "loaded", "step", "samples", "ended", "exited"} <= set(tags)


def test_a_breakpoint_ends_the_training_with_exit_code_3(shell):
    asked = ("--break", 'norm(grad("wieght")) > 1', "--break", 'param("weight") > 2 and grad("weight") < -3')
    done = shell.bptui("record", "-o", "r.bptui", *asked, "linear")
    assert done.returncode == 3
    assert done.stdout == ""
    wrong, hit = done.stderr.splitlines()
    assert wrong.startswith(
        """bptui: breakpoint norm(grad("wieght")) > 1: no parameter, or more than one, is called"""
    )
    assert hit.startswith('bptui: breakpoint 2: param("weight") > 2 and grad("weight") < -3: epoch 0 · sample 5 (')
    assert shell.reader().steps(0) == 5


def test_a_breakpoint_that_is_none_runs_nothing(shell):
    done = shell.bptui("record", "-o", "r.bptui", "--break", "lss > 3", "linear")
    assert (done.returncode, done.stderr) == (
        2,
        "bptui: nothing is called 'lss'; did you mean 'loss'?, in 'lss > 3'\n",
    )
    assert not (shell.folder / "r.bptui").exists()
