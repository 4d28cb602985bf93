from __future__ import annotations

import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual.color import Color
from textual.content import Content

from bptui.app.themes import LIGHT
from bptui.app.widgets.code_view import CodeView
from bptui.app.widgets.virtual_table import Column, Row, VirtualTable

CODE = '''"""Docs."""
@decorator
class Net(Module):  # a comment
    def forward(self, x: int = 3) -> None:
        return not len("text", True)
'''
KINDS = ("", "rule", "muted", "warning", "error")
LEAST_CONTRAST = {"nord": 2.7}
"""Elsewhere the 3 that WCAG asks of large text, in our own the 4 that it has."""


class Widgets(App[None]):
    def on_load(self) -> None:
        self.register_theme(LIGHT)

    def compose(self) -> ComposeResult:
        yield VirtualTable((Column("op", 20, "left"), Column("value", 8)), self.rows)
        yield CodeView()

    def rows(self, start: int, stop: int) -> list[Row]:
        bad = Content.styled("NaN", "bold $text-error")
        return [Row((f"op{row}", bad), kind=KINDS[row % len(KINDS)]) for row in range(start, stop)]


def luminance(color: Color) -> float:
    linear = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(style: Style) -> float:
    """The contrast ratio of WCAG 2, from 1 to 21."""
    low, high = sorted(luminance(Color.from_rich_color(color)) for color in (style.color, style.bgcolor))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "nord", "gruvbox", "solarized-light"])
async def test_everything_stands_out_from_its_background(theme: str) -> None:
    least = LEAST_CONTRAST.get(theme, 4.0 if theme == LIGHT.name else 3.0)
    async with Widgets().run_test() as pilot:
        app = pilot.app
        app.theme = theme
        table, code = app.query_one(VirtualTable), app.query_one(CodeView)
        code.show("a.py", CODE, 4, frozenset({2, 5}))
        for focused in (table, code):
            focused.focus()
            for cursor in range(len(KINDS)):
                table.show(10, cursor=cursor, current=3)
                await pilot.pause()
                for widget in (table, code):
                    for y in range(6):
                        for segment in widget.render_line(y):
                            assert segment.style is not None
                            if segment.text.strip():
                                assert contrast(segment.style) >= least, (segment, cursor, focused)
