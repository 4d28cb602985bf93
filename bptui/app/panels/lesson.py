"""What the author of a lesson, or of any training, says is to be looked at."""

from __future__ import annotations

from textual.binding import Binding

from bptui.app.lesson_text import lesson_text, rendered
from bptui.app.panels.text_panel import TextPanel
from bptui.app.view import View
from bptui.recording.reader import Reader

_NONE = "This training says nothing of itself: its docstring would stand here."


class LessonPanel(TextPanel):
    """Why you look at this: what there is to be seen, and by which keys."""

    NAME, NUMBER = "Lesson", "l"
    BINDINGS = [Binding("escape", "screen.lesson", "close", show=False)]

    def show(self, view: View, reader: Reader) -> None:
        """Draw the docstring of what is debugged."""
        if view.target is None:
            return
        text = lesson_text(view, reader)
        title, _, rest = (text or _NONE).partition("\n")
        self.titled(title if text else "", "l close")
        self.write(rendered(rest.strip() if text else title, self.width))
