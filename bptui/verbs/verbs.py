"""Does what lines of verbs ask for, one after the other."""

from __future__ import annotations

import asyncio

from bptui.verbs.table import Prepared
from bptui.verbs.training import ONLY_LOOKING, Training
from bptui.verbs.verb import Result


class Verbs:
    """Does verbs.

    Attributes:
        training: What they are about.
    """

    def __init__(self, training: Training) -> None:
        self.training = training
        self._lock = asyncio.Lock()

    async def do(self, prepared: Prepared) -> Result:
        """Do what a line asks for, when what was asked before is done."""
        async with self._lock:
            if not (prepared.verb.looks or self.training.obeys):
                return Result(problem=ONLY_LOOKING)
            return await prepared.work(self.training)
