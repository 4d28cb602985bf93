"""The run as a whole: what runs, with which options, where it is recorded, how its branches ended."""

from __future__ import annotations

import time

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from bptui.app.panels.panel import Panel
from bptui.app.view import View
from bptui.recording.reader import Reader
from bptui.records import Branch

_FOUND = ("sample", "epoch", "update", "loss", "measured", "compile", "threads", "trouble")
"""What was found out about a script."""


class RunPanel(Panel):
    """Why you look at this: to know what you look at, and to read the traceback if there is one."""

    NAME, NUMBER = "Run", 6

    DEFAULT_CSS = "RunPanel Static { width: 100%; padding: 0 1; }"

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static()

    def show(self, view: View, reader: Reader) -> None:
        """Draw the facts; how it ended comes first."""
        parts = [_ending(view), _facts(view, reader), _branches(reader.branches(), view)]
        self.query_one(Static).update(Content("\n\n").join(part for part in parts if part))


def _ending(view: View) -> Content:
    status = view.status
    if status.trouble:
        return Content.styled(status.trouble, "bold $text-error")
    if status.state not in ("finished", "failed", "lost"):
        return Content(status.detail)
    style = "$text-success" if status.state == "finished" else "bold $text-error"
    return Content.assemble((status.state, style), f"  {status.detail}" if status.detail else "")


def _facts(view: View, reader: Reader) -> Content:
    facts, target = reader.facts(), view.target
    command = f"{facts.get('command', '')} {facts.get('arguments', '')}"
    rows = [("target", command.strip()), ("recording", str(reader.path))]
    if target is not None:
        options = "  ".join(f"{name} {value}" for name, value in target.options.items())
        torch = target.torch or facts.get("torch", "not imported yet")
        rows += [("options", options), ("python", f"{target.python}   torch {torch}")]
    rows += [(name, facts.get(name, "")) for name in _FOUND]
    return Content("\n").join(
        Content.assemble((f"{name:<10}", "$text-muted"), value) for name, value in rows if value
    )


def _branches(branches: tuple[Branch, ...], view: View) -> Content:
    lines = [Content.styled("branch  samples  began     how it stands", "$text-muted")]
    for branch in branches:
        mark = "▶" if branch.id == view.branch else " "
        began = time.strftime("%H:%M:%S", time.localtime(branch.began))
        detail = branch.detail.splitlines()[0] if branch.detail else ""
        lines.append(Content(f"{mark}{branch.id:>5} {branch.steps:>8,}  {began}  {branch.state} {detail}"))
    return Content("\n").join(lines)
