"""The status that apps are told: how it changes, and when it is committed and shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from bptui.protocol import Ended, Refused, Samples, Status
from bptui.records import RunState
from bptui.session.recorder import Recorder
from bptui.session.words import in_words


class Board:
    """What is shown of a session.

    Attributes:
        status: As it is now; apps know it as it was when it was shown last.
        newest: The samples heard last: they are all there is to see where nothing can be recorded.
    """

    def __init__(
        self,
        status: Status,
        recorder: Recorder,
        notify: Callable[[Status], None],
        copies: Callable[[], tuple[tuple[int, ...], int]],
    ) -> None:
        """Show nothing yet.

        Args:
            status: The first one.
            recorder: What is committed before apps are told to look.
            notify: Called with every status that is shown.
            copies: Says after how many samples copies of the training wait, and their bytes.
        """
        self.status = status
        self.newest: Samples | None = None
        self._shown = status
        self._recorder = recorder
        self._notify = notify
        self._copies = copies
        self._written: tuple[RunState, str, int | None] | None = None

    @property
    def is_stale(self) -> bool:
        """Whether there is something that apps do not know."""
        return self._recorder.is_dirty or self.status != self._shown

    def change(self, **changes: Any) -> None:
        """Change fields of the status; nobody is told yet."""
        self.status = dataclasses.replace(self.status, **changes)

    def begin_again(self) -> None:
        """The status of a run that starts anew in this session; that the one before is over is written."""
        if self.status.exit_code is None:
            self.change(state="finished", detail="reset")
        self._write_state()
        old = self.status
        self.status = Status(
            "starting", old.branch, 0, old.revision, old.breakpoints, trouble=old.trouble,
            watches=old.watches, no_return=old.no_return, has_terminal=old.has_terminal,
        )  # fmt: skip

    def refuse(self, refused: Refused) -> None:
        """Show why the target can not be started."""
        detail = refused.traceback or refused.line
        self.change(state="failed", refused=refused.line, detail=detail, exit_code=refused.code)
        self.show()

    def end(self, ended: Ended) -> None:
        """Show how the training has ended; one that was refused has not begun."""
        self.change(waits_for_input=False, has_terminal=False)
        if not self.status.refused:
            state = "finished" if ended.code == 0 else "failed"
            detail = "\n".join(filter(None, (ended.line, ended.traceback)))
            self.change(state=state, detail=detail, exit_code=ended.code, pausing=False, samples_per_second=0.0)
        self.show()

    def show(self) -> None:
        """Commit, and tell the apps what there is to see."""
        self._write_state()
        self._recorder.commit()
        steps, trouble = self._recorder.steps, self._recorder.trouble
        live = in_words(self.newest) if trouble and self.newest else ""
        self.change(steps=steps, trouble=trouble, live=live, revision=self.status.revision + 1)
        self.change(recorded=self._recorder.recorded, differs=self._recorder.differs)
        self.count_copies()
        self._shown = self.status
        self._notify(self.status)

    def show_soon(self) -> None:
        """The same, with the next tick if there is one."""
        if self.status.state != "running":
            self.show()

    def count_copies(self) -> None:
        """Have the status say which copies wait."""
        steps, size = self._copies()
        self.change(checkpoints=steps, checkpoint_bytes=size)

    def _write_state(self) -> None:
        state = (self.status.state, self.status.detail, self.status.exit_code)
        if state != self._written:
            self._written = state
            self._recorder.state(*state)
