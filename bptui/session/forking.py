"""Debuggees that the keeper forks: it is started once, and says when each begins and how it ends."""

from __future__ import annotations

import collections
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bptui.protocol import Ended, Exited, Fork, Forked, Ready, Refused
from bptui.session import threads
from bptui.session.debuggee import Debuggee
from bptui.session.keeper import Keeper
from bptui.session.log import ProtocolLog
from bptui.session.options import SessionOptions
from bptui.session.tasks import Tasks
from bptui.session.words import death


@dataclass(frozen=True)
class KeeperEvents:
    """Who is told of the keeper.

    Attributes:
        ready: It has imported torch and can fork: told with where its Python and torch are.
        refused: It can not be of use, and ends.
        lost: It has ended before it has forked anything that still lives.
    """

    ready: Callable[[Ready], Awaitable[None]]
    refused: Callable[[Refused], None]
    lost: Callable[[Ended], None]


class Forking:
    """The keeper and what it has forked."""

    def __init__(self, options: SessionOptions, log: ProtocolLog, tasks: Tasks, events: KeeperEvents) -> None:
        self._options, self._log, self._tasks, self._events = options, log, tasks, events
        self._keeper: Keeper | None = None
        self._coming: collections.deque[Debuggee] = collections.deque()
        self._living: list[Debuggee] = []

    @property
    def pid(self) -> int | None:
        """The keeper's process, None without one."""
        return self._keeper.pid if self._keeper is not None else None

    async def start(self) -> None:
        """Start the keeper; it says when it is ready."""
        options = self._options
        environment = threads.environment(options.threads) if options.reverse else {}
        self._keeper = await Keeper.start(options.python, environment)
        self._tasks.spawn(self._follow(self._keeper))

    async def fork(self, debuggee: Debuggee, command: Fork) -> None:
        """Have a debuggee forked; there is a keeper."""
        assert self._keeper is not None
        self._log("session→keeper", command)
        self._coming.append(debuggee)
        self._living.append(debuggee)
        await debuggee.fork(self._keeper, command)

    def warm_up(self) -> None:
        """Have the keeper, if there is one, import what the next debuggee should not wait for."""
        if self._keeper is not None:
            self._keeper.warm_up()

    def end(self) -> None:
        """End the keeper."""
        if self._keeper is not None:
            self._keeper.end()

    async def _follow(self, keeper: Keeper) -> None:
        while (message := await keeper.read()) is not None:
            self._log("keeper→session", message)
            match message:
                case Ready():
                    await self._events.ready(message)
                case Refused():
                    self._events.refused(message)
                    break  # it ends: a reset must find no keeper
                case Forked():
                    self._coming.popleft().follow(message)
                case Exited(pid=pid):
                    for debuggee in [each for each in self._living if each.has_pid(pid)]:
                        self._living.remove(debuggee)
                        debuggee.follow(message)
        self._on_end(keeper)

    def _on_end(self, keeper: Keeper) -> None:
        self._keeper = None
        line = f"bptui's keeper of the training ended: {death(keeper.bury())}"
        ended = Ended(line, keeper.last_words(), 1)
        lost, self._living = self._living, []
        self._coming.clear()
        for debuggee in lost:
            debuggee.ended = debuggee.ended or ended
            debuggee.lose()
        if not lost:
            self._events.lost(ended)
