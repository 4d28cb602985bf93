"""`bptui attach`: come back to a session that was left running."""

from __future__ import annotations

import sys

from bptui import paths
from bptui.commands.run import check_terminal, show
from bptui.errors import BptuiError


def attach(name: str, theme: str) -> int:
    """Open the app on a living session.

    Args:
        name: A part of the session's name; may be empty if there is only one.
        theme: As for `bptui run`.

    Raises:
        BptuiError: There is none, or more than one.
    """
    check_terminal()
    found = [path for path in paths.sockets() if name in path.stem]
    if not found:
        raise BptuiError(
            f"no session {name!r} is running" if name else "no session is running; bptui run starts one"
        )
    if len(found) > 1:
        raise BptuiError(f"more than one session is running, name one: {', '.join(path.stem for path in found)}")
    outcome = show(found[0], theme=theme)
    if outcome.text:
        print(outcome.text, file=sys.stderr)
    return outcome.code
