"""Answers what is asked about tensors while the training stands still, and nothing at any other time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bptui.protocol import Answer, Channel, Inspect, Inspected, Message, SaveTensor, TensorSaved
from bptui.records import Parameter

if TYPE_CHECKING:  # at run time these import torch, and a script is joined before it does
    from bptui.debuggee.answers import Answers
    from bptui.debuggee.live import Live
    from bptui.debuggee.remembered import Remembered

_NO_TORCH = "there is no tensor yet: torch is not imported"


class Inspector:
    """Shows the tensors of a stop.

    Attributes:
        sample: What the loop has yielded last.
        live: Where the tensors are, once it is loaded.
        stops: How many stops the branch has had.
    """

    live: Live
    _remembered: Remembered
    _answers: Answers

    def __init__(self, channel: Channel, scopes: Callable[[], Sequence[dict[str, Any]]]) -> None:
        """Know no tensor.

        Args:
            channel: To the session.
            scopes: The variables of the user's frames where the training stands, the innermost first.
        """
        self._channel = channel
        self._scopes = scopes
        self.stops = 0
        self._steps = 0
        self._is_open = self._is_loaded = False
        self._work: list[Iterator[Answer | None]] = []  # the newest question; statistics that were begun before
        self.sample: Any = None

    def load(self) -> None:
        """Torch is there: import now what looks at tensors; later the training may have no file left to open."""
        from bptui.debuggee.answers import Answers
        from bptui.debuggee.live import Live
        from bptui.debuggee.remembered import Remembered

        self.live, self._remembered = Live(self._scopes), Remembered()
        self._answers = Answers(self.live, self._remembered)
        self._is_loaded = True

    def know(self, named: Sequence[Parameter], parameters: Sequence[Any]) -> None:
        """These are the parameters that the session knows by their number."""
        self.live.named, self.live.parameters = named, parameters

    def open(self, steps: int) -> None:
        """The training stands still, after so many samples."""
        self.stops, self._steps, self._is_open = self.stops + 1, steps, True

    def remember(self, steps: int) -> None:
        """Keep what the sample after so many is to be compared with."""
        if self._is_loaded and steps:
            with contextlib.suppress(Exception):  # no memory, a half-broken tensor: then it is not known
                self._remembered.keep(self.live, steps)

    def close(self) -> None:
        """The training goes on."""
        self._is_open, self._work, self.sample = False, [], None
        if self._is_loaded:
            self.live.forget()

    def obey(self, command: Inspect | SaveTensor) -> None:
        """Answer, or begin to; what is asked next supersedes it, but statistics only if that asks for others."""
        is_superseded = isinstance(command, Inspect) and command.bins > 0
        self._work = [] if is_superseded else self._work[-1:]
        problem = self._problem(command)
        if not problem:
            self.live.sample = self.sample
            self._work.insert(0, self._answers.to(command, self._steps))
            self._go_on()
        elif isinstance(command, Inspect):
            self._channel.send(Inspected(command.request, problem))
        else:
            self._channel.send(TensorSaved(command.request, problem, False))

    def next_command(self) -> Message:
        """The next command; until there is one, work on what was asked for."""
        while self._work:
            command = next(self._channel.poll(), None)
            if command is not None:
                return command
            self._go_on()
        return self._channel.receive()

    def _problem(self, command: Inspect | SaveTensor) -> str:
        if not self._is_open or command.stop != self.stops:
            return "the training has gone on since"
        return "" if self._is_loaded else _NO_TORCH

    def _go_on(self) -> None:
        """Do a piece of the work: some milliseconds."""
        try:
            answer = next(self._work[0])
        except StopIteration:
            del self._work[0]
        else:
            if answer is not None:
                self._channel.send(answer)
