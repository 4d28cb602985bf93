"""What each layer brings along when it is imported, in a process of its own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

HEAVY = {"torch", "numpy", "textual", "rich", "tensorboardX", "tensorboard"}

IMPORT_ALL = """
import importlib, json, pkgutil, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    parts = getattr(module, "__path__", ()) if name.startswith("bptui") else ()
    for part in pkgutil.walk_packages(parts, name + "."):
        if not part.name.endswith("__main__"):
            importlib.import_module(part.name)
print(json.dumps(sorted(sys.modules)))
"""


def imported(*modules) -> set[str]:
    """Every module that is there after importing these and all that is in them."""
    command = [sys.executable, "-W", "error", "-c", IMPORT_ALL, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def heavy(found) -> set[str]:
    return {name.partition(".")[0] for name in found} & HEAVY


def ours(found) -> set[str]:
    return {name.split(".")[1] for name in found if name.startswith("bptui.")}


SHARED = {"records", "protocol", "errors"}
LANGUAGE = {"expressions", "breakpoints"}
VERBS = {"diagnostics", "verbs", "recording", "goals", "where"}


def test_the_package_is_cheap():
    found = imported("bptui.records", "bptui.errors", "bptui.paths", "bptui.cli")
    assert heavy(found) == set()
    assert ours(found) == {"records", "errors", "paths", "cli"}
    assert "asyncio" not in found and "sqlite3" not in found


def test_the_public_name_is_there():
    script = "import sys; from bptui import Sample; print(Sample(0, 1, 2.0).loss, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "2.0 False\n"


@pytest.mark.parametrize(
    ("layer", "brings", "uses"),
    [
        ("protocol", set(), SHARED),
        ("recording", set(), SHARED | {"recording"}),
        ("session", set(), SHARED | {"recording", "session", "paths", "kept"}),
        ("expressions", set(), {"errors", "records", "expressions"}),
        ("diagnostics", set(), SHARED | {"recording", "diagnostics"}),
        ("verbs", set(), SHARED | LANGUAGE | VERBS),
        (
            "app",
            {"textual", "rich"},
            SHARED | LANGUAGE | VERBS | {"app", "paths", "loops", "explain", "diagnostics"},
        ),
        ("loops", {"torch", "numpy"}, {"records", "loops"}),
        ("explain", {"torch", "numpy"}, {"records", "explain"}),
        ("debuggee", {"torch", "numpy"}, SHARED | LANGUAGE | {"debuggee", "loops", "explain"}),
    ],
)
def test_a_layer_brings_only_what_it_may(layer, brings, uses):
    found = imported(f"bptui.{layer}")
    assert heavy(found) <= brings
    assert ours(found) <= uses


def test_the_app_reads_recordings_only():
    assert "bptui.recording.writer" not in imported("bptui.app")


def test_the_debuggee_side_is_the_standard_library_torch_and_numpy():
    """So that it runs in an environment that has torch and none of what bptui needs."""
    found = {name.partition(".")[0] for name in imported("bptui.debuggee")}
    plain = {name.partition(".")[0] for name in imported("torch", "numpy")}
    stdlib = {name for name in found if name in sys.stdlib_module_names or name.startswith("_sysconfigdata")}
    assert found - plain - stdlib == {"bptui"}


def test_a_chain_is_written_without_torch():
    assert heavy(imported("bptui.explain.chain")) == set()


def test_the_debuggee_side_starts_no_thread():
    script = "import bptui.debuggee.keeper, bptui.debuggee.run, threading; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "1\n"


def test_the_contracts_hold():
    linter = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if linter is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run([linter, "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout
