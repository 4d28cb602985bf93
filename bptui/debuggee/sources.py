"""The text of the user's files, each sent once: when a sample or a frame first stands in it."""

from __future__ import annotations

import linecache

from bptui.protocol import SourceSeen

LONGEST = 1 << 20
"""Characters; a longer file is no program that somebody has written."""


class Sources:
    """Remembers which files are known."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def of(self, path: str) -> tuple[SourceSeen, ...]:
        """The text of a file if it is not known yet, and can be read at all."""
        if path in self._known:
            return ()
        self._known.add(path)
        text = "".join(linecache.getlines(path))  # knows what a notebook has told it, too
        return (SourceSeen(path, text),) if 0 < len(text) <= LONGEST else ()
