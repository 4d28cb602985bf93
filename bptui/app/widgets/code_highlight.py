"""Turns a source file's text into lines of highlighted content, numbered as Python numbers them."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePath

from pygments.token import Token  # type: ignore[import-untyped]
from textual.content import Content
from textual.highlight import HighlightTheme, highlight

_LINE_END = re.compile(r"\r\n?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_MOST_HIGHLIGHTED = 200_000
"""Characters; longer text stays plain, since highlighting them would take 0.3 s and more."""


class CodeTheme(HighlightTheme):
    """Few colours, each from a theme variable that the dark, light and ANSI themes all have."""

    STYLES = {
        Token.Comment: "dim italic",
        Token.Keyword: "bold $text-primary",
        Token.Operator.Word: "bold $text-primary",
        Token.Name.Builtin: "$text-primary",
        Token.Name.Builtin.Pseudo: "italic",
        Token.Name.Class: "bold $text-secondary",
        Token.Name.Function: "bold $text-secondary",
        Token.Name.Decorator: "$text-primary",
        Token.Literal.Number: "$text-warning",
        Token.Literal.String: "$text-success",
        Token.Literal.String.Doc: "italic $text-success",
        Token.Error: "$text-error",
    }


@lru_cache(maxsize=16)
def highlighted_lines(path: str, text: str) -> tuple[Content, ...]:
    """Highlight a file once; its name's ending gives the language, Python where it has none."""
    # Characters that end a line for Textual or Pygments, but not for Python, would shift the numbers.
    text = _CONTROL.sub(" ", _LINE_END.sub("\n", text.removeprefix("\ufeff"))).expandtabs(8)
    if len(text) > _MOST_HIGHLIGHTED:
        content = Content(text.removesuffix("\n"))
    else:
        content = highlight(text, language=_language(path), theme=CodeTheme)
    return tuple(content.split("\n", allow_blank=True))


def _language(path: str) -> str:
    suffix = PurePath(path).suffix.lstrip(".")
    return "python" if suffix in {"", "py", "pyw", "pyi"} or path.startswith("<") else suffix
