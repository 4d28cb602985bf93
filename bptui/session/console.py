"""Bytes that the debuggee prints → lines with their step."""

from __future__ import annotations

import re

LONGEST = 1 << 16
"""A longer line is cut into pieces, so that a training that never ends a line costs no memory."""

TAIL = 100
"""So many lines are kept at least of what comes at once, the last ones."""

_MARK = re.compile(rb"\x1b_bptui;(-?\d{1,18})\x1b\\")
_PARTIAL_MARK = re.compile(rb"\x1b(_[^\x1b]{0,30}\x1b?)?\Z")

Line = tuple[int, int, str]
"""Step, 1 for stdout or 2 for stderr, text without its newline."""


class LineReader:
    """Cuts one stream into lines and follows the marks in it.

    Attributes:
        stream: 1 for stdout, 2 for stderr.
    """

    def __init__(self, stream: int) -> None:
        self.stream = stream
        self._step = -1
        self._rest = b""
        self._line = b""

    def feed(self, piece: bytes, room: int) -> tuple[bytes, list[Line]]:
        """What `piece` says, without marks, and the lines that it completes.

        Args:
            piece: What was read.
            room: How many lines are welcome; of more, only the last are kept, and a line says how many are not.
        """
        text = self._rest + piece
        partial = _PARTIAL_MARK.search(text)
        self._rest = text[partial.start() :] if partial else b""
        # re.split with a group alternates text, mark, text, …
        parts = _MARK.split(text[: len(text) - len(self._rest)])
        lines: list[Line] = []
        for i, part in enumerate(parts):
            if i % 2:
                self._step = int(part)
            else:
                lines += self._cut(part, room - len(lines))
        return b"".join(parts[::2]), lines

    def finish(self) -> tuple[bytes, list[Line]]:
        """What is left when the stream ends without a newline."""
        text, line = self._rest, self._line + self._rest
        self._rest = self._line = b""
        return text, [self._as_line(piece) for piece in _pieces(line)] if line else []

    def _cut(self, text: bytes, room: int) -> list[Line]:
        count = text.count(b"\n")
        if count > max(room, TAIL):
            _, *whole, self._line = text.rsplit(b"\n", TAIL + 1)
            lines = [(self._step, self.stream, f"… {count - TAIL:,} lines not kept: too many at once …")]
        else:
            *whole, self._line = (self._line + text).split(b"\n")
            lines = []
        lines += [self._as_line(piece) for line in whole for piece in _pieces(line)]
        while len(self._line) >= LONGEST:
            lines.append(self._as_line(self._line[:LONGEST]))
            self._line = self._line[LONGEST:]
        return lines

    def _as_line(self, raw: bytes) -> Line:
        # What a terminal would show in the end: a CR begins the line anew, as a progress bar does. NUL would end
        # the text for some readers of SQLite.
        shown = raw.rstrip(b"\r").rpartition(b"\r")[2]
        return self._step, self.stream, shown.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def _pieces(line: bytes) -> list[bytes]:
    return [line[start : start + LONGEST] for start in range(0, len(line), LONGEST)] or [b""]
