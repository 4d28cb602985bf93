"""The run as a whole: what runs, with which options, where it is recorded, how its branches ended."""

from __future__ import annotations

import time

from textual.content import Content

from bptui.app.panels.text_panel import TextPanel
from bptui.app.view import View
from bptui.recording.reader import Reader
from bptui.records import Branch

_FOUND = ("sample", "epoch", "update", "loss", "measured", "compile", "threads", "intra-op", "workers", "trouble")
"""What was found out about a script."""

_NARROWEST = 20
"""Lines are not wrapped to fewer cells than these."""


class RunPanel(TextPanel):
    """Why you look at this: to know what you look at, and to read the traceback if there is one."""

    NAME, NUMBER = "Run", 6

    def show(self, view: View, reader: Reader) -> None:
        """Draw the facts; how it ended comes first."""
        width = self.width
        parts = [_ending(view, width), _facts(view, reader, width), _branches(reader.branches(), view, width)]
        self.write(Content("\n\n").join(part for part in parts if part))


def _ending(view: View, width: int) -> Content:
    status = view.status
    if status.trouble:
        return Content.styled(_hung(status.trouble, width), "bold $text-error")
    if status.state not in ("finished", "failed", "lost"):
        return Content(_hung(status.detail, width))
    style = "$text-success" if status.state == "finished" else "bold $text-error"
    text = _hung(f"{status.state}  {status.detail}".rstrip(), width)
    return Content(text).stylize(style, 0, len(status.state))


def _facts(view: View, reader: Reader, width: int) -> Content:
    facts, target = reader.facts(), view.target
    command = f"{facts.get('command', '')} {facts.get('arguments', '')}"
    rows = [("target", command.strip()), ("recording", str(reader.path))]
    if target is not None:
        options = "  ".join(f"{name}\N{NO-BREAK SPACE}{value}" for name, value in target.options.items())
        torch = target.torch or facts.get("torch", "not imported yet")
        rows += [("options", options), ("python", f"{target.python}   torch {torch}")]
    rows += [(name, facts.get(name, "")) for name in _FOUND]
    rows += [("back", _going_back(view)), ("graph", view.status.zoom)]
    lines = [_hung(f"{name:<10}{value}", width, 10) for name, value in rows if value]
    return Content("\n").join(Content(line).stylize("$text-muted", 0, 10) for line in lines)


def _going_back(view: View) -> str:
    status = view.status
    if not view.commands:
        return ""
    size = f"{status.checkpoint_bytes / 2**20:,.0f} MB"
    copies = f"{len(status.checkpoints)} copies of the training wait, with {size}" if status.checkpoints else ""
    none = "none are made now" if copies else "not possible"
    return "; ".join(filter(None, (copies, f"{none}: {status.no_return}" if status.no_return else "")))


def _branches(branches: tuple[Branch, ...], view: View, width: int) -> Content:
    lines = [Content.styled("branch  samples  began     how it stands", "$text-muted")]
    for branch in branches:
        mark = "▶" if branch.id == view.branch else " "
        began = time.strftime("%H:%M:%S", time.localtime(branch.began))
        detail = branch.detail.splitlines()[0] if branch.detail else ""
        line = f"{mark}{branch.id:>5} {branch.steps:>8,}  {began}  {branch.state} {detail}"
        lines.append(Content(_hung(line, width, 8)))
    return Content("\n").join(lines)


def _hung(text: str, width: int, indent: int = 4) -> str:
    """Lines as they are, each continued below where it is too long, `indent` further in than it begins."""
    lines: list[str] = []
    width = max(width, _NARROWEST)
    for line in text.split("\n"):
        inside = min(len(line) - len(line.lstrip()) + indent, width // 2)
        while len(line) > width:
            at = max(line.rfind(mark, width // 2, width) for mark in " /") + 1 or width
            lines.append(line[:at])
            line = " " * inside + line[at:]
        lines.append(line)
    return "\n".join(lines)
