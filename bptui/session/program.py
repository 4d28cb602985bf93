"""The files of the program that runs: a copy of it is only good for a reset as long as they are the same."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path


class Program:
    """Knows since when the files are loaded."""

    def __init__(self) -> None:
        self._began = time.time()
        self._paths: set[str] = set()

    def begin(self) -> None:
        """It is started now, and loads what it needs."""
        self._began, self._paths = time.time(), set()

    def note(self, paths: Iterable[str]) -> None:
        """These were loaded."""
        self._paths.update(paths)

    def changed(self) -> str:
        """The first of them that was written since it was started, empty if none was."""
        return next((path for path in sorted(self._paths) if _written_at(path) >= self._began), "")


def _written_at(path: str) -> float:
    """Unix time, in seconds; also of being put in the place of another file. 0 for none that is there."""
    try:
        return Path(path).stat().st_ctime
    except OSError:
        return 0.0
