"""What the user asks, sets and watches where the training stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from bptui.debuggee.assigning import Assigner
from bptui.debuggee.evaluator import Evaluator
from bptui.debuggee.watchlist import Watchlist
from bptui.protocol import Assign, Assigned, Channel, Edited, Evaluate, Evaluated, Message, Watched, Watches
from bptui.records import Edit


class Questions:
    """Answers them.

    Attributes:
        evaluator: Evaluates.
        assigner: Sets.
    """

    def __init__(
        self,
        channel: Channel,
        frames: Callable[[], Sequence[FrameType]],
        quantities: Mapping[str, Any],
        on_edit: Callable[[], object],
    ) -> None:
        """Know of none.

        Args:
            channel: To the session.
            frames: The user's frames where the training stands, the innermost first.
            quantities: What stands behind the user's own names.
            on_edit: Called when something was set.
        """
        self._channel = channel
        self._on_edit = on_edit
        self.evaluator = Evaluator(frames, quantities)
        self.assigner = Assigner(self.evaluator, tuple)
        self._watches = Watchlist(self.evaluator)
        self._steps, self._is_amid = 0, False
        self._is_open = False

    def open(self, steps: int, is_amid: bool) -> None:
        """The training stands still after so many samples, or amid the next one."""
        self._steps, self._is_amid = steps, is_amid
        self._is_open = True
        self.watch(steps)

    def close(self) -> None:
        """It goes on."""
        self._is_open = False

    def watch(self, steps: int, is_running: bool = False) -> None:
        """Say what is watched has come to."""
        values = self._watches.values(is_running)
        if values:
            self._channel.send(Watched(steps, values))

    def obey(self, command: Message) -> bool:
        """Do what is asked for; whether it was something of this kind."""
        match command:
            case Evaluate():
                value = self.evaluator.value(command.text, command.frame)
                self._channel.send(Evaluated(command.request, value))
            case Assign():
                self._assign(command)
            case Watches(expressions=expressions):
                self._watches.choose(expressions)
                if self._is_open:  # else after the sample at hand
                    self.watch(self._steps)
            case _:
                return False
        return True

    def _assign(self, command: Assign) -> None:
        edits: list[Edit] = []

        def work() -> str:
            target = command.target.strip()
            old, new = self.assigner.assign(target, command.value, command.frame, self._is_amid)
            edits.append(Edit(self._steps, target, old, new))
            return f"{target}: {old} → {new}{self.assigner.doubt(target, command.frame)}"

        done = self.evaluator.guarded(work)
        if edits:
            self._channel.send(*map(Edited, edits))
            self._on_edit()
            self.watch(self._steps)
        self._channel.send(Assigned(command.request, done.text, done.problem.removeprefix("Refused: ")))
