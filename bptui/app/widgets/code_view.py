"""Shows source code with line numbers, the current line, and lines related to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size, clamp
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from .code_highlight import highlighted_lines
from .component_style import component_style

if TYPE_CHECKING:
    from textual.style import Style

_MARKS = {"code-view--current": "▶", "code-view--error": "✗", "code-view--related": "·", "": " "}
_CURSOR = "›"


class CodeView(ScrollView, can_focus=True):
    """Source code that scrolls to its current line, about two thirds down: what ran before it is above."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False, id="code.up"),
        Binding("down", "move(1)", "Down", show=False, id="code.down"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "code-view--number",
        "code-view--current",
        "code-view--error",
        "code-view--related",
        "code-view--cursor",
        "code-view--sign",
        "code-view--placeholder",
    }
    """
    | Class | Description |
    | :- | :- |
    | `code-view--number` | Line numbers. |
    | `code-view--current` | The current line. |
    | `code-view--error` | The current line, if it is where something went wrong. |
    | `code-view--related` | Lines related to the current one. |
    | `code-view--cursor` | The line that the user is at, if another. |
    | `code-view--sign` | The signs of lines that have one. |
    | `code-view--placeholder` | The message where there is no code. |
    """
    DEFAULT_CSS = """
    CodeView {
        color: $foreground;
        scrollbar-size: 0 1;
        & > .code-view--number { color: $text-muted; }
        & > .code-view--current { background: $primary 30%; color: $text; }
        &:light > .code-view--current { background: $primary 15%; }
        & > .code-view--error { background: $error 30%; color: $text; }
        &:light > .code-view--error { background: $error 15%; }
        & > .code-view--related { background: $foreground 7%; }
        & > .code-view--cursor { background: $foreground 12%; text-style: bold; }
        & > .code-view--sign { color: $text-error; text-style: bold; }
        & > .code-view--placeholder { color: $text-muted; }
        /* The ANSI themes have no shades: fainter is dim here, and a background is reverse. */
        &:ansi > .code-view--number { text-style: dim; }
        &:ansi > .code-view--current { background: $background; text-style: not dim reverse; }
        &:ansi > .code-view--error { background: $background; text-style: not dim reverse bold; }
        &:ansi > .code-view--related { background: $background; text-style: bold; }
        &:ansi > .code-view--cursor { background: $background; text-style: bold underline; }
        &:ansi > .code-view--placeholder { text-style: dim; }
    }
    """

    placeholder: reactive[str] = reactive("No source")
    """Shown where there is no code."""

    def __init__(
        self,
        placeholder: str = "No source",
        *,
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
    ) -> None:
        """Make a view without code; `show` gives it some.

        Args:
            placeholder: Shown where there is no code.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(id=id, classes=classes)
        self.set_reactive(CodeView.placeholder, placeholder)
        self._path = ""
        self._lines: tuple[Content, ...] = ()
        self._current: int | None = None
        self._related: frozenset[int] = frozenset()
        self._is_error = False
        self._cursor: int | None = None
        self._signs: Mapping[int, str] = {}

    @property
    def cursor(self) -> int | None:
        """The line that the user is at: the current one, unless another was gone to."""
        return self._cursor or self._current

    def action_move(self, by: int) -> None:
        """Go to another line."""
        if self._lines and (line := self.cursor) is not None:
            self._cursor = clamp(line + by, 1, len(self._lines))
            self._reveal(self._cursor)
            self.refresh()

    def show(
        self,
        path: str,
        text: str,
        current: int | None = None,
        related: frozenset[int] = frozenset(),
        *,
        is_error: bool = False,
        signs: Mapping[int, str] | None = None,
    ) -> None:
        """Show a file, scrolling only if its current line is not visible already.

        Args:
            path: The file's name, from which the language is guessed.
            text: The code; the placeholder is shown if it is empty.
            current: The current line, counted from 1.
            related: Lines related to it, counted from 1.
            is_error: Whether the current line is where something went wrong.
            signs: By line, one character that stands before its number.
        """
        same_file = path == self._path
        if not same_file or current != self._current:
            self._cursor = None
        self._signs = signs or {}
        self._is_error = is_error
        self._path, self._current, self._related = path, current, related
        self._lines = highlighted_lines(path, text) if text else ()
        width = max((line.cell_length for line in self._lines), default=0)
        self.virtual_size = Size(self._gutter_width + width if width else 0, len(self._lines))
        if not same_file and self.scroll_offset:
            self.scroll_to(0, 0, animate=False, force=True)
        self._reveal(self.cursor)
        self.refresh()

    @property
    def _gutter_width(self) -> int:
        return len(str(len(self._lines))) + 4

    def _reveal(self, line: int | None) -> None:
        """Bring a line to two thirds of the height, unless it is visible."""
        height = self.scrollable_content_region.height
        if line is None or height <= 0:
            return
        row = line - 1
        if not 0 <= row - self.scroll_offset.y < height:
            self.scroll_to(y=clamp(row - height * 2 // 3, 0, self.max_scroll_y), animate=False, force=True)

    def _on_resize(self) -> None:
        self._reveal(self.cursor)

    def render_line(self, y: int) -> Strip:
        """Draw a line of the screen; line numbers do not scroll sideways."""
        width = self.scrollable_content_region.width
        if not self._lines:
            return self._draw_placeholder(y, width)
        row = self.scroll_offset.y + y
        if row >= len(self._lines):
            return Strip.blank(width, component_style(self).rich_style)
        number = row + 1
        related = "code-view--related" if number in self._related else ""
        current = "code-view--error" if self._is_error else "code-view--current"
        is_cursor = self.has_focus and number == self._cursor != self._current
        name = current if number == self._current else "code-view--cursor" if is_cursor else related
        style = component_style(self, *filter(None, (name,)))
        number_style = component_style(self, *filter(None, ("code-view--number", name)))
        gutter_width = min(self._gutter_width, width)
        mark = _CURSOR if is_cursor else _MARKS[name]
        signed = (
            component_style(self, "code-view--sign", *filter(None, (name,)))
            if number in self._signs
            else number_style
        )
        sign = Segment(self._signs.get(number, " "), signed.rich_style)
        gutter = f"{number:>{self._gutter_width - 4}} {mark} "
        left = self.scroll_offset.x
        right = left + width - gutter_width
        code = _draw_code(self._lines[row], style).crop_extend(left, right, style.rich_style)
        return Strip.join([Strip([sign, Segment(gutter, number_style.rich_style)]).crop(0, gutter_width), code])

    def _draw_placeholder(self, y: int, width: int) -> Strip:
        style = component_style(self, "code-view--placeholder")
        if y != self.scrollable_content_region.height // 2:
            return Strip.blank(width, style.rich_style)
        return Strip(Content(self.placeholder).center(width, ellipsis=True).render_segments(style))


def _draw_code(line: Content, style: Style) -> Strip:
    # Reversed, every token's colour would become a background.
    content = line.without_spans if style.reverse else line
    return Strip(content.render_segments(style))
