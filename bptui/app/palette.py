"""The command palette: every action that is legal now, by its name."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from bptui.app.actions import ACTIONS, Action


class Actions(Provider):
    """Offers the actions of the table."""

    async def discover(self) -> Hits:
        for action in self._legal():
            yield DiscoveryHit(self._title(action), partial(self.app.run_action, action.id), help=action.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._legal():
            title = self._title(action)
            if (score := max(matcher.match(title), matcher.match(action.help))) > 0:
                yield Hit(
                    score, matcher.highlight(title), partial(self.app.run_action, action.id), help=action.help
                )

    def _legal(self) -> list[Action]:
        return [action for action in ACTIONS if self.app.check_action(action.id, ()) and action.id != "palette"]

    def _title(self, action: Action) -> str:
        return f"{action.group}: {action.label}  ({action.key})"
