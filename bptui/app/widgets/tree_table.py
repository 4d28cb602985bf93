"""A virtual table whose rows fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from .virtual_table import VirtualTable


class TreeTable(VirtualTable):
    """A table that tells when its user folds or unfolds the cursor row; what that hides is its owner's to know."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h,minus", "fold(True)", "Fold", show=False, id="tree.fold"),
        Binding("right,l,plus", "fold(False)", "Unfold", show=False, id="tree.unfold"),
    ]

    @dataclass
    class Folding(Message):
        """The user wants the cursor row folded, or unfolded."""

        table: VirtualTable
        index: int
        fold: bool

        @property
        def control(self) -> VirtualTable:
            """The table, for `@on` with a selector."""
            return self.table

    def action_fold(self, fold: bool) -> None:
        """Tell that the user folds or unfolds the cursor row."""
        if self.row_count:
            self.post_message(self.Folding(self, self.cursor, fold))
