"""The command palette: every action that is legal now, by its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from bptui.app.actions import ACTIONS, Action


class Actions(Provider):
    """Offers the actions of the table."""

    async def discover(self) -> Hits:
        for action in self._legal():
            yield DiscoveryHit(self._title(action), self._command(action), help=action.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._legal():
            title = self._title(action)
            if (score := max(matcher.match(title), matcher.match(action.help))) > 0:
                yield Hit(score, matcher.highlight(title), self._command(action), help=action.help)

    def _legal(self) -> list[Action]:
        return [action for action in ACTIONS if self.app.check_action(action.id, ()) and action.id != "palette"]

    def _command(self, action: Action) -> Callable[[], Awaitable[bool]]:
        owner = self.app if action.owner == "app" else self.screen
        return partial(self.app.run_action, action.id, owner)

    def _title(self, action: Action) -> str:
        return f"{action.group}: {action.label}  ({action.key})"
