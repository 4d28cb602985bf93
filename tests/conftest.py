"""What every test stands on."""

import compileall
import os
from pathlib import Path

import pytest

# A runner's readline exports the size of its own terminal, which would be that of every terminal of the tests.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    """Hundreds of our processes are started: where none may keep what it compiles, each would do it anew."""
    compileall.compile_dir(Path(__file__).parents[1] / "bptui", quiet=1)
