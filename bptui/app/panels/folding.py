"""What a tree of modules and the folds in it have in common, whatever the modules hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Foldable(Protocol):
    """A row of a tree, which is written out with each module before what it holds."""

    @property
    def path(self) -> str:
        """A module's name from the root: "model.blocks.0"."""

    @property
    def end(self) -> int:
        """Where in the tree the first item stands that is not in it."""

    @property
    def is_module(self) -> bool:
        """Whether it holds others."""


Item = TypeVar("Item", bound=Foldable)


def unfolded(items: Sequence[Item], folded: frozenset[str]) -> list[Item]:
    """The rows that are seen while the modules of these paths are folded."""
    rows, at = [], 0
    while at < len(items):
        item = items[at]
        rows.append(item)
        at = item.end if item.is_module and item.path in folded else at + 1
    return rows
