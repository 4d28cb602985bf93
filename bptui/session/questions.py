"""What is asked of a training that stands still: its tensors, variables, explanations; and what is typed."""

from __future__ import annotations

from collections.abc import Callable

from bptui.protocol import (
    Answer,
    Ask,
    Assign,
    Assigned,
    Check,
    Evaluate,
    Evaluated,
    Inspect,
    Inspected,
    Interrupt,
    Message,
    Resized,
    SaveTensor,
    TensorSaved,
    Typed,
)
from bptui.records import Value
from bptui.session.board import Board
from bptui.session.lifecycle import Lifecycle
from bptui.session.script_terminal import ScriptTerminal

_ELSEWHERE = "the training does not stand there any more: only what was recorded is known"

_MOVES = "the training does not stand still"


class Questions:
    """Passes them on to the debuggee, or says why it can not answer."""

    def __init__(
        self, lifecycle: Lifecycle, terminal: ScriptTerminal, board: Board, answer: Callable[[Answer], None]
    ) -> None:
        """Wait for the first.

        Args:
            lifecycle: Whose debuggee is asked.
            terminal: Where keys are typed.
            board: Knows whether the debuggee stands still, and where.
            answer: Called with why it can not answer.
        """
        self._lifecycle, self._terminal, self._board, self._answer = lifecycle, terminal, board, answer

    def pass_on(self, command: Message) -> None:
        """To the debuggee, or to the script's terminal; what neither takes is ignored."""
        match command:
            case Ask() | Check():
                if self._stands:
                    self._lifecycle.send(command)
            case Inspect() | SaveTensor():
                self._inspect(command)
            case Evaluate() | Assign():
                self._evaluate(command)
            case Interrupt():
                if self._stands and self._lifecycle.debuggee is not None:
                    self._lifecycle.debuggee.nudge()
            case Typed(keys=keys):
                self._terminal.type(keys.encode())
            case Resized(rows=rows, columns=columns) if min(rows, columns) > 0:
                self._terminal.resize(rows, columns)

    @property
    def _stands(self) -> bool:
        return self._lifecycle.debuggee is not None and self._board.status.state == "paused"

    def _inspect(self, command: Inspect | SaveTensor) -> None:
        """Have the debuggee answer, if it stands where it is asked about; else say that it does not."""
        status = self._board.status
        if self._stands and (command.branch, command.stop) == (status.branch, status.stop):
            self._lifecycle.send(command)
        elif isinstance(command, Inspect):
            self._answer(Inspected(command.request, _ELSEWHERE))
        else:
            self._answer(TensorSaved(command.request, _ELSEWHERE, False))

    def _evaluate(self, command: Evaluate | Assign) -> None:
        """Have the debuggee answer, if it stands still."""
        if self._stands:
            self._lifecycle.send(command)
        elif isinstance(command, Evaluate):
            self._answer(Evaluated(command.request, Value(problem=_MOVES)))
        else:
            self._answer(Assigned(command.request, problem=_MOVES))
