"""`bptui open`: look at a recording, whether its writer is at work, done or dead."""

from __future__ import annotations

import sys
from pathlib import Path

from bptui.commands.run import check_terminal, show
from bptui.recording.reader import Reader


def look(recording: Path, theme: str) -> int:
    """Open the app on a recording, read-only; live if a session is still writing it.

    Returns:
        0.

    Raises:
        RecordingError: It is not there, or no recording.
    """
    reader = Reader(recording)
    check_terminal()
    socket = reader.facts().get("socket", "")
    outcome = show(
        Path(socket) if socket and Path(socket).exists() else None, viewer=True, reader=reader, theme=theme
    )
    if outcome.text:
        print(outcome.text, file=sys.stderr)
    return outcome.code
