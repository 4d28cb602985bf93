"""Python imports this before a script's first line: it joins the process to bptui and leaves no trace of itself.

Not a module of the package: its directory stands on PYTHONPATH of a script that bptui starts, and nowhere else.
"""

import importlib.machinery
import importlib.util
import json
import os
import sys

from bptui_package import load  # type: ignore[import-not-found]  # it lies beside this file


def _vanish() -> None:
    """Make PYTHONPATH and sys.path what they were: the script and its children do not see us."""
    here = __file__.rpartition(os.sep)[0]
    sys.path[:] = [path for path in sys.path if path != here]
    before = os.environ.pop("BPTUI_PYTHONPATH", "")
    os.environ.pop("PYTHONPATH", None)
    if before:
        os.environ["PYTHONPATH"] = before


def _run_hidden() -> None:
    """Run the sitecustomize that stands behind this one, if there is one."""
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def _join() -> None:
    """Connect to the session, with the bptui that has started it, whatever is installed here."""
    given = json.loads(os.environ.pop("BPTUI_JOIN"))
    load(given.pop("parent"))
    from bptui.debuggee.script import join

    join(**given)


_vanish()
try:
    _run_hidden()
finally:
    if "BPTUI_JOIN" in os.environ:
        _join()
