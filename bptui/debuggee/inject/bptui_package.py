"""Makes `bptui` importable in an interpreter in which it is not installed, and nothing that lies beside it."""

import importlib.util
import os
import sys


def load(parent: str) -> None:
    """Import the package that lies in the directory `parent`; sys.path stays as it is."""
    path = os.path.join(parent, "bptui", "__init__.py")  # noqa: PTH118 - nothing of ours is imported yet
    spec = importlib.util.spec_from_file_location("bptui", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = sys.modules["bptui"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
