"""A script in the app, on a real terminal: typed into, paused, interrupted, and looked at when it is over."""

import pytest

ASKS = """
import sys, time
import torch
weight = torch.ones(1, requires_grad=True)
rate = float(input("rate? "))
for i in range(3):
    (weight * rate).sum().backward()
try:
    print("waiting", flush=True)
    time.sleep(1000)
except KeyboardInterrupt:
    print("caught")
print(len(sys.stdin.read()), "read")
raise ValueError("boom")
"""


def test_a_script_is_typed_into_interrupted_and_fails(shell, open_terminal):
    shell.write(ASKS)
    screen = open_terminal("run", "loop.py", width=80, height=24)
    screen.wait("paused before the first sample")
    screen.press("c")
    screen.wait("the script waits for input: i")
    screen.press("i")
    screen.wait("Enter sends", "rate?")
    screen.press("0.5x\x7f\r")
    screen.wait("rate? 0.5", "waiting", "sample 3")
    screen.press("\x03")
    screen.wait("caught", "the script waits for input")
    screen.press("abc\r\x04")
    screen.wait(
        "failed", "ValueError: boom", "Traceback", "loop.py", 'raise ValueError("boom")', without="Enter sends"
    )
    screen.press("5")
    screen.wait("4 read", "! ValueError: boom")
    screen.press("2")
    screen.wait("0.5000", "sample 3")
    screen.press("q")
    assert screen.wait_end() == 0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import sys; sys.exit(3)", ["failed", "it ended with exit code 3"]),
        ("import os; os._exit(4)", ["failed", "os._exit(4)"]),
        ("print('done')", ["finished", "it never imported torch"]),
        ("import torch", ["finished", "no backward pass was seen in its main thread"]),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ["failed", "SIGKILL", "out-of-memory killer"]),
        ("x = = 1", ["failed", "SyntaxError: invalid syntax", "x = = 1"]),
    ],
)
def test_each_end_is_said_plainly(shell, open_terminal, source, words):
    shell.write(source)
    screen = open_terminal("run", "loop.py")
    screen.wait("paused before the first sample")
    screen.press("c")
    screen.wait(*words)
    screen.press("6z")
    screen.wait(*words, "loop.py")
    screen.press("q")
    assert screen.wait_end() == 0


def test_a_pause_before_the_first_sample(shell, open_terminal):
    shell.write("print('preparing')\nwhile True:\n    pass\n")
    screen = open_terminal("run", "loop.py")
    screen.wait("paused before the first sample")
    screen.press("c")
    screen.wait("running torch is not imported yet", "preparing")
    screen.press("p")
    screen.wait("paused before the first sample at loop.py:")
    screen.press("s")
    screen.wait("running torch is not imported yet")
    screen.press("q")
    assert screen.wait_end() == 0


def test_its_terminal_is_as_large_as_the_console_and_no_smaller_than_is_usual(shell, open_terminal):
    shell.write(
        """
        import os, signal
        print(*os.get_terminal_size(), "at first", flush=True)
        signal.signal(signal.SIGWINCH, lambda *_: print(*os.get_terminal_size(), "now", flush=True))
        print("ready", flush=True)
        while True:
            signal.pause()
        """
    )
    screen = open_terminal("run", "loop.py")
    screen.wait("paused before the first sample")
    screen.press("c")
    screen.wait("80 24 at first", "ready")
    screen.press("5z")
    screen.wait("106 29 now")
    screen.press("1")  # what it had when it was last seen
    screen.wait("1 Graph ")
    screen.resize(80, 24)
    screen.press("5")
    screen.wait("80 24 at first", "106 29 now", "80 24 now")
    screen.press("rz")
    screen.wait("paused before the first sample")
    screen.press("c")
    screen.wait("80 24 at first")
    screen.press("q")
    assert screen.wait_end() == 0
