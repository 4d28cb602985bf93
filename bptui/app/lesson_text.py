"""What a target's author says of it: its docstring, read from the recorded source, as a text for the screen."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from functools import lru_cache

from textual.content import Content

from bptui.app.view import View
from bptui.recording.reader import Reader

_ITEM = re.compile(r"\s*(\d+[.:]|[-*]) ")
_HEADING = re.compile(r"^[A-Z][\w ]*:$")
_LEFT_OUT = ("Args:", "Yields:", "Returns:", "Raises:")
"""Sections that are about the call and not about what is to be seen."""


def lesson_text(view: View, reader: Reader) -> str:
    """The docstring of the function that is debugged, or of the script; empty if it has none."""
    if view.target is None:
        return ""
    # Scripts begin before torch is there, and what stands behind a colon is one of their arguments.
    function = view.target.name.rpartition(":")[2] if view.target.torch else ""
    return _docstring(function, reader.source(view.target.path))


@lru_cache(maxsize=4)
def _docstring(name: str, source: str) -> str:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return ""
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef) and node.name == name]
    text = ast.get_docstring(functions[0] if functions else module) or ""
    return "\n".join(_without_calls(text.splitlines())).strip()


def _without_calls(lines: list[str]) -> Iterator[str]:
    is_left_out = False
    for line in lines:
        if line and not line[0].isspace():
            is_left_out = line.strip() in _LEFT_OUT
        if not is_left_out:
            yield line


def rendered(text: str, width: int) -> Content:
    """A docstring in lines of this width: items hang, `keys` and headings stand out."""
    return Content("\n").join(_styled(line) for block in _blocks(text) for line in _wrapped(block, width))


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, headings, items, and the blank lines between them, each in one line."""
    block = ""
    for line in text.splitlines():
        is_deeper, was_deeper = line[:1].isspace(), block[:1].isspace() or bool(_ITEM.match(block))
        begins = not line.strip() or _ITEM.match(line) or _HEADING.match(line) or _HEADING.match(block)
        if begins or is_deeper != was_deeper:
            if block:
                yield block
            if not line.strip():
                yield ""
            block = line.rstrip()
        else:
            block = f"{block} {line.strip()}" if block else line.rstrip()
    if block:
        yield block


def _wrapped(block: str, width: int) -> list[str]:
    item = _ITEM.match(block)
    hanging = " " * len(item.group().lstrip()) if item else ""
    return textwrap.wrap(block.strip(), width, subsequent_indent=hanging, break_on_hyphens=False) or [""]


def _styled(line: str) -> Content:
    if _HEADING.match(line):
        return Content.styled(line, "bold")
    parts = re.split(r"`([^`]*)`", line)
    return Content.assemble(*((part, "bold $text-accent") if i % 2 else part for i, part in enumerate(parts)))
