"""Digits typed before a key: a count, or the number of a panel if no key follows."""

from __future__ import annotations

from collections.abc import Callable

from textual.message_pump import MessagePump
from textual.timer import Timer

WAITS = 0.4
"""Seconds after which a single digit is no count any more."""

_MOST_DIGITS = 6


class Count:
    """Collects digits.

    Attributes:
        digits: Those typed so far.
    """

    def __init__(self, pump: MessagePump, on_single: Callable[[int], None]) -> None:
        """Collect nothing yet.

        Args:
            pump: Whose time is used.
            on_single: Called with a single digit that no key has followed.
        """
        self.digits = ""
        self._pump = pump
        self._on_single = on_single
        self._timer: Timer | None = None

    def add(self, digit: str) -> None:
        """Take one more digit."""
        self._stop()
        self.digits = ((self.digits + digit)[:_MOST_DIGITS]).lstrip("0") or "0"  # one alone is the panel 0
        self._timer = self._pump.set_timer(WAITS, self._time_is_up)

    def take(self) -> int:
        """The count that was typed, 1 if none was; the next one begins anew."""
        self._stop()
        count, self.digits = int(self.digits) if self.digits.strip("0") else 1, ""
        return count

    def _time_is_up(self) -> None:
        if len(self.digits) == 1:
            number, self.digits = int(self.digits), ""
            self._on_single(number)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
