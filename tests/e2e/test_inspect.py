"""Inspect with real processes on a real terminal: a tensor of the debuggee, and what is left when that dies."""

import os
import signal

import psutil

SCRIPT = """
    import torch

    torch.manual_seed(0)
    model = torch.nn.Linear(30, 20)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.5)
    for step in range(9):
        with torch.no_grad():
            model.weight[0, 0] = step
        loss = model(torch.ones(4, 30)).square().mean()
        optimizer.zero_grad()
        loss.backward()
"""


def test_a_tensor_of_the_debuggee(shell, open_terminal):
    shell.write(SCRIPT)
    terminal = open_terminal("run", "--record", shell.recording, "loop.py")
    terminal.wait("● paused")
    terminal.press("2s")
    terminal.wait("sample 2", "● paused")
    terminal.press("7")
    terminal.press("x")
    terminal.wait("model.bias[:] 20 float32 cpu", "model.bias grad", "std ")
    terminal.press("\t\t")
    terminal.wait("min ")
    terminal.press("\x1b")
    terminal.wait("Parameters", "● paused", without="Tab next")
    terminal.press("4")
    terminal.press("q")
    terminal.wait("Esc")
    terminal.press("q")
    assert terminal.wait_end() == 0
