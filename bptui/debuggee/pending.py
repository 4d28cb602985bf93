"""A sample that is not complete yet."""

from __future__ import annotations

from types import FrameType

import torch

from bptui.debuggee.known import Known
from bptui.debuggee.user_loops import Around

_BY_YOU = ", set by you"


class Pending:
    """A sample as its last backward pass has left it.

    Attributes:
        at: What it ends with: "loop" for an iteration of one, "update" of the weights, or "backward".
        around: What stands around the backward pass.
        loss: What the backward pass began at.
        losses: Those of the backward passes before.
        scaling: What was done to the loss before, in words.
        backwards: How many backward passes there were.
        updates: How many updates there were before it.
        is_watched: Whether somebody says when its iteration ends.
    """

    __slots__ = ("around", "at", "backwards", "is_watched", "loss", "losses", "scaling", "updates")

    def __init__(self, around: Around, at: str, backwards: int, updates: int) -> None:
        """A backward pass begins.

        Args:
            around: What stands around it.
            at: What samples end with, as the user says; empty to find out.
            backwards: How many there were in this sample before.
            updates: How many updates there were before this sample.
        """
        self.around = around
        found = "loop" if around.loops else "update"
        self.at = found if at in ("", "loop") else at
        self.loss: torch.Tensor | Known | None = None
        self.losses: tuple[torch.Tensor | Known | None, ...] = ()
        self.scaling = ""
        self.backwards = backwards + 1
        self.updates = updates
        self.is_watched = False

    @property
    def scope(self) -> FrameType:
        """The frame in which its leaves have their names."""
        loops = self.around.loops
        return loops[0][0] if loops else self.around.frame

    def how(self, wanted: str) -> str:
        """How it was found what a sample is.

        Args:
            wanted: What the user says that it is; empty if nothing.
        """
        loops, trainer = self.around.loops, self.around.site.trainer
        if self.at == "loop":
            return f"each iteration of {loops[0][1]}" + _BY_YOU * bool(wanted)
        what = {"update": "each update of the weights", "backward": "each backward pass"}[self.at]
        if self.at == wanted:
            return what + _BY_YOU
        return f"{what}: the loop is {trainer}'s" if trainer else f"{what}: no loop of your own stands around it"

    def loss_in_words(self) -> str:
        """Which loss it is that is shown, empty where there is only one."""
        several = f"of the last of {self.backwards} backward passes per sample; x shows all"
        which = several if self.backwards > 1 else ""
        return "; ".join(filter(None, (which, self.scaling)))
