"""What a script's stdin, stdout and stderr are."""

from __future__ import annotations

from dataclasses import dataclass

from bptui.session.terminal import SIZE


@dataclass(frozen=True, slots=True)
class Streams:
    """As in the shell in which bptui stands; without one, all three are a terminal of the script's own.

    Attributes:
        stdin: The fd it reads, None for its terminal.
        piped: Which of 1 and 2, stdout and stderr, go to a pipe and not to its terminal.
        size: Rows and columns of its terminal.
    """

    stdin: int | None = None
    piped: frozenset[int] = frozenset()
    size: tuple[int, int] = SIZE

    @property
    def has_terminal(self) -> bool:
        """Whether any of them is a terminal."""
        return self.stdin is None or len(self.piped) < 2

    @property
    def shown(self) -> int:
        """As which stream its text is passed on: the first that is a terminal; 0, stdin, only echoes."""
        return next((stream for stream in (1, 2) if stream not in self.piped), 0)
