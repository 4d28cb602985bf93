"""The keys that are legal now, in the last line."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from bptui.app.actions import ACTIONS


class LegalKeys(Footer):
    """Textual's footer, which hides and shows its keys: made anew at each step, they took three more frames."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)

    def compose(self) -> ComposeResult:
        for action in ACTIONS:
            if action.footer:
                key = FooterKey(
                    action.keys[0], action.key, action.label, action.binding.action, tooltip=action.help
                )
                key.display = False
                yield key.data_bind(compact=Footer.compact)

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Show the keys that do something now, and not something else in the widget that has the focus."""
        active = screen.active_bindings
        for key in self.query(FooterKey):
            key.display = key.key in active and active[key.key].binding.action == key.action
