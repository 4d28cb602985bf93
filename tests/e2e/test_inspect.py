"""Inspect with real processes on a real terminal: a tensor of the debuggee, and what is left when that dies."""

import numpy as np
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
    terminal.wait("sample 2", "● paused", "Parameters")
    terminal.press("7x")
    terminal.wait("model.weight[:, :] 20×30 float32 cpu", "model.weight[0, 0] = 1.0 sample 1 0.0 Δ +1", "zeros")
    terminal.press("\t\t")
    terminal.wait("value now − value after sample 1", "min 0 max 1")
    terminal.press("w")
    terminal.wait("model.weight-update.npy")
    terminal.press("\r")
    terminal.wait("20×30 written into")
    assert np.load(shell.folder / "model.weight-update.npy").sum() == 1
    # Its copies are younger.
    debuggees = [each for each in psutil.process_iter() if _is_debuggee(each, shell)]
    min(debuggees, key=psutil.Process.create_time).kill()
    terminal.wait("the training does not stand there any more")
    terminal.press("\t")
    terminal.wait("only what was recorded is known")
    terminal.press("x")
    terminal.wait("SIGKILL", "Parameters")
    terminal.press("q")
    assert terminal.wait_end() == 0


def _is_debuggee(process, shell) -> bool:
    try:
        command = process.cmdline()
        return command[-1:] == ["loop.py"] and "bptui" not in command and process.cwd() == str(shell.folder)
    except psutil.Error:  # it has ended, or is somebody else's
        return False
