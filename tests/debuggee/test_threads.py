"""Threads of a process that is copied: those that can be begun anew, and what is said of the others."""

import os
import subprocess
import sys

import pytest

from bptui.session.threads import environment

COPIED = """
import os, sys, threading, time
from bptui.debuggee import threads

{begin}

def copy_and(then):
    time.sleep(0.2)  # the thread waits for something to do
    assert threads.why_not(0) == "", threads.why_not(0)
    restart = threads.restarting()
    with threads.resting():
        pid = os.fork()
    if pid:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    restart()
    then()

def use():
    {use}
    os._exit(0)

copy_and(lambda: copy_and(use))
"""
"""What a copy of a copy can still do."""

BOARD = "from torch.utils.tensorboard import SummaryWriter; board = SummaryWriter(sys.argv[1])"
"""It may wait two minutes for a number before it looks."""

BAR = """
from rich.live import Live
class Live(Live):
    count = 0
    def refresh(self):
        self.count += 1
live = Live("", refresh_per_second=100)
live.start()
"""


def run(script, *arguments):
    command = (sys.executable, "-c", script, *arguments)
    env = os.environ | environment(1)
    done = subprocess.run(command, env=env, timeout=60, capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")


@pytest.mark.parametrize(
    ("begin", "use"),
    [
        (BOARD, "time.sleep(0.2); board.add_scalar('loss', 1.0, 0); board.close()"),
        (BAR, "count = live.count; time.sleep(0.5); assert live.count > count; live.stop()"),
    ],
    ids=["tensorboard", "rich"],
)
def test_a_thread_goes_on_in_a_copy_of_a_copy(begin, use, tmp_path) -> None:
    script = COPIED.format(begin=begin, use=use)
    run(script, tmp_path)


def test_a_lock_that_a_thread_holds_is_free_in_the_copy() -> None:
    begin = BAR.replace("self.count += 1", "self.count += 1; time.sleep(0.05)").replace("100", "10000")
    script = COPIED.format(begin=begin, use="live._lock.acquire(timeout=10) or os._exit(3); live._lock.release()")
    run(script)
