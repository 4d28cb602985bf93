"""What was found out about a script, in words."""

from __future__ import annotations

from bptui.protocol import Channel, Found


class Findings:
    """Says each finding once, and again when it is another."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._said: dict[str, str] = {}

    def say(self, **facts: str) -> None:
        """Say what is new of these; an empty one is none."""
        new = {key: text for key, text in facts.items() if text and self._said.get(key) != text}
        if new:
            self._said |= new
            self._channel.send(Found(new))
