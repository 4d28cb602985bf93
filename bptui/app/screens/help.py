"""All keys, from the table of actions."""

from __future__ import annotations

import itertools
from textwrap import wrap

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from bptui.app.actions import ACTIONS, INSPECTING, Action
from bptui.app.panels.breakpoints import BUILT_IN
from bptui.app.screens.dialog import Dialog

_NAMES = {"space": "Space", "question_mark": "?", "shift+tab": "Shift+Tab", "tab": "Tab", "ctrl+p": "Ctrl+P",
          "ctrl+q": "Ctrl+Q", "slash": "/", "greater_than_sign": ">", "less_than_sign": "<", "equals_sign": "=",
          "asterisk": "*", "right_square_bracket": "]", "left_square_bracket": "[", "escape": "Esc",
          "shift+f11": "Shift+F11"}  # fmt: skip

_KEYS = 22
"""Cells of the keys' column."""

EXTRA = (
    ("1 … 9", "Go to a panel by its number"),
    ("5s", "A count before a key: five samples, epochs or steps back"),
    ("↑ ↓ PgUp PgDn Home End", "Move in a panel; in Gradients this looks back"),
    ("← →", "Fold and unfold; in Flow, the next layer; else scroll sideways"),
    ("Enter", "Inspect the row; fold or unfold a module"),
    ("Esc", "Close a dialog, clear a filter"),
    ("a Enter Space - + in B", "Add one, edit, turn off or on, drop, pass over its next hit"),
    (f"{' '.join(BUILT_IN)} in B", f"Stop, or no more, at {', '.join(BUILT_IN.values())}"),
)
"""Keys that no action of their own stands behind."""


def key_names(action: Action) -> str:
    """The keys of an action as people write them."""
    return ", ".join(
        _NAMES.get(key, key.upper() if key[0] == "f" and len(key) > 1 else key) for key in action.keys
    )


def markdown() -> str:
    """The key table of the README."""
    rows = [(key_names(action), action.help) for action in ACTIONS] + list(EXTRA)
    rows += [(f"{key_names(action)} in x", action.help) for action in INSPECTING]
    return "| key | what it does |\n| --- | --- |\n" + "".join(f"| {keys} | {text} |\n" for keys, text in rows)


class Help(Dialog[None]):
    """Shows what every key does."""

    DEFAULT_CSS = "Help > .dialog { width: 92; } Help Static { width: 1fr; }"
    BINDINGS = [("question_mark,q", "dismiss(None)", "close")]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield _Table()


class _Table(Static):
    """Keys and what they do, in two columns, however wide it is."""

    def on_resize(self, event: Resize) -> None:
        self.update(Content("\n").join(_lines(event.size.width)))


def _lines(width: int) -> list[Content]:
    lines = []
    known = sorted(ACTIONS, key=lambda action: _order(action.group))
    for group, actions in itertools.groupby((*known, *INSPECTING), key=lambda action: action.group):
        lines.append(Content.styled(group, "bold underline"))
        lines += [_line(key_names(action), action.help, width) for action in actions]
        lines.append(Content(""))
    lines.append(Content.styled("Everywhere", "bold underline"))
    return lines + [_line(keys, text, width) for keys, text in EXTRA]


def _order(group: str) -> int:
    return [action.group for action in ACTIONS].index(group)


def _line(keys: str, text: str, width: int) -> Content:
    wrapped = f"\n{' ' * (_KEYS + 2)}".join(wrap(text, max(_KEYS, width - _KEYS - 2)))
    return Content.assemble((f"{keys:>{_KEYS}}", "bold $text-accent"), f"  {wrapped}")
