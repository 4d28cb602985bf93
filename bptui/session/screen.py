"""What a script writes to its terminal → rows of text, of which progress bars rewrite the last."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bptui.recording.schema import REWRITTEN
from bptui.session.console import LONGEST, MARK, PARTIAL_MARK, TAIL

Row = tuple[int, int, int, str]
"""Its number on the terminal, the step in which it began, 1 for stdout or 2 for stderr, its text."""

_SEQUENCE = re.compile(
    r"\x1b\[(?P<arguments>[0-?]*)[ -/]*(?P<command>[@-~])"  # cursor and colours
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # the window's title, links
    r"|\x1b[^\[\]]"
    r"|(?P<control>[\n\r\b])"
    r"|(?P<text>[^\n\r\b\x1b]+)"
    r"|\x1b"
)
_PARTIAL = re.compile(r"\x1b(\[[0-?]*[ -/]*|\][^\x07\x1b]{0,1000}\x1b?)?\Z")


@dataclass(eq=False, slots=True)
class _Row:
    number: int
    step: int
    stream: int
    text: str = ""
    shown: str | None = None


class Screen:
    """The last rows of a terminal, and the cursor in them.

    It knows what progress bars use: carriage return, backspace, the cursor up and down, erasing within a line.
    Colours are left out, and nothing that has been printed is ever erased as a whole.
    """

    def __init__(self, height: int) -> None:
        self._rows: deque[_Row] = deque(maxlen=min(height, REWRITTEN))
        self._row = _Row(0, -1, 1)
        self._rows.append(self._row)
        self._column = 0
        self._changed: dict[_Row, None] = {}
        self._rest = b""
        self._unfinished = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._step, self._stream = -1, 1
        self._commands: dict[str, Callable[[int], None]] = {
            "A": lambda count: self._move(-(count or 1)),
            "B": lambda count: self._move(count or 1),
            "C": lambda count: self._go(self._column + (count or 1)),
            "D": lambda count: self._go(self._column - (count or 1)),
            "G": lambda count: self._go((count or 1) - 1),
            "K": self._erase,
        }

    def feed(self, piece: bytes, room: int) -> tuple[bytes, int]:
        """Write a piece to the terminal.

        Args:
            piece: What was read.
            room: How many lines are welcome; of more, only the last are kept, and a row says how many are not.

        Returns:
            The piece without our marks, and how many lines it has.
        """
        text = self._rest + piece
        partial = PARTIAL_MARK.search(text)
        self._rest = text[partial.start() :] if partial else b""
        # re.split with groups alternates text, step, stream, text, …
        parts = MARK.split(text[: len(text) - len(self._rest)])
        lines = 0
        for i in range(0, len(parts), 3):
            lines += self._write(parts[i], room - lines)
            if i + 2 < len(parts):
                self._step, self._stream = int(parts[i + 1]), int(parts[i + 2] or 1)
        return b"".join(parts[::3]), lines

    def resize(self, height: int) -> None:
        """Have another number of rows; of fewer, the last stay."""
        self._rows = deque(self._rows, maxlen=min(height, REWRITTEN))
        self._move(0)

    def take(self) -> list[Row]:
        """The rows that are new, or other than when they were last taken."""
        changed, self._changed = self._changed, {}
        rows = []
        for row in changed:
            text = row.text.rstrip(" ")
            if text != row.shown:
                row.shown = text
                rows.append((row.number, row.step, row.stream, text.replace("\0", "\\x00")))
        return rows

    def _write(self, piece: bytes, room: int) -> int:
        count = piece.count(b"\n")
        if count > max(room, TAIL):
            piece = piece.split(b"\n", count - TAIL)[-1]
            self._put(f"… {count - TAIL:,} lines not kept: too many at once …")
            self._new_line()
        text = self._unfinished + self._decoder.decode(piece)
        partial = _PARTIAL.search(text)
        self._unfinished = text[partial.start() :] if partial else ""
        for found in _SEQUENCE.finditer(text, 0, len(text) - len(self._unfinished)):
            self._obey(found)
        return count

    def _obey(self, found: re.Match[str]) -> None:
        if words := found["text"]:
            self._put(words)
        elif control := found["control"]:
            if control == "\n":
                self._new_line()
            else:
                self._go(0 if control == "\r" else self._column - 1)
        elif (command := self._commands.get(found["command"] or "")) is not None:
            first = found["arguments"].partition(";")[0]
            command(int(first) if first.isdigit() and len(first) < 5 else 0)

    def _put(self, words: str) -> None:
        for start in range(0, len(words), LONGEST):
            part = words[start : start + LONGEST]
            if self._column + len(part) > LONGEST:
                self._new_line()
            row, column = self._row, self._column
            if not row.text.strip(" "):
                row.step, row.stream = self._step, self._stream
            row.text = row.text[:column].ljust(column) + part + row.text[column + len(part) :]
            self._column += len(part)
            self._changed[row] = None

    def _new_line(self) -> None:
        """Newlines come as they were printed: each begins its line."""
        self._changed[self._row] = None
        if self._row is self._rows[-1]:
            self._rows.append(_Row(self._row.number + 1, self._step, self._stream))
        self._move(1)
        self._go(0)

    def _move(self, by: int) -> None:
        place = self._row.number - self._rows[0].number + by
        self._row = self._rows[min(max(place, 0), len(self._rows) - 1)]

    def _go(self, column: int) -> None:
        self._column = min(max(column, 0), LONGEST)

    def _erase(self, part: int) -> None:
        row, column = self._row, self._column
        if part == 0:
            row.text = row.text[:column]
        elif part == 1:
            row.text = " " * min(column, len(row.text)) + row.text[column:]
        else:
            row.text = ""
        self._changed[row] = None
