"""What the formats of text share: their columns and their file."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from bptui.errors import BptuiError

COLUMNS = ("input", "target", "output", "loss", "grad", "weight", "weight_after", "by_hand")
"""The quantities in the order in which they are written, after step, epoch and index."""


@contextlib.contextmanager
def new_file(output: Path) -> Iterator[TextIO]:
    """A file to write, or stdout for "-"; what was begun and not finished is removed.

    Raises:
        BptuiError: There is a file already.
        OSError: It can not be made or written.
    """
    if str(output) == "-":
        yield sys.stdout
        return
    if output.is_file() or output.is_dir():
        raise BptuiError(f"{output} exists already; an export never overwrites a file")
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        if output.is_file():  # no device, no pipe
            output.unlink()
        raise
