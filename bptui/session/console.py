"""Bytes that the debuggee prints → lines with their step."""

from __future__ import annotations

import re

LONGEST = 1 << 16
"""A longer line is cut into pieces, so that a training that never ends a line costs no memory."""

TAIL = 100
"""So many lines are kept at least of what comes at once, the last ones."""

MARK = re.compile(rb"\x1b_bptui;(-?\d{1,18})(?:;([12]))?\x1b\\")
"""What a debuggee writes between its text: the step, and on a terminal the stream, of what follows."""

PARTIAL_MARK = re.compile(rb"\x1b(_[^\x1b]{0,30}\x1b?)?\Z")

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
        partial = PARTIAL_MARK.search(text)
        self._rest = text[partial.start() :] if partial else b""
        # re.split with groups alternates text, step, stream, text, …
        parts = MARK.split(text[: len(text) - len(self._rest)])
        lines: list[Line] = []
        for i in range(0, len(parts), 3):
            lines += self._cut(parts[i], room - len(lines))
            if i + 1 < len(parts):
                self._step = int(parts[i + 1])
        return b"".join(parts[::3]), lines

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
