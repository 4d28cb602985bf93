"""The line at the foot of the main screen in which verbs are typed, and what came of them above it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.widgets import Input, Label, Static

from bptui import paths

REMEMBERED = 1000
"""Lines that the history keeps."""

_KEPT = 200  # of what was said


class History:
    """The lines that were typed, in this run and those before; walked with up and down."""

    def __init__(self) -> None:
        self._lines = _read()
        self._at = len(self._lines)
        self._typed = ""

    def add(self, line: str) -> None:
        """Remember a line, unless it is the one before it."""
        if self._lines[-1:] != [line]:
            self._lines = [*self._lines, line][-REMEMBERED:]
            _write(self._lines)
        self._at = len(self._lines)

    def walk(self, by: int, typed: str) -> str:
        """The line so many before or after; beyond the newest, what was being typed."""
        if self._at == len(self._lines):
            self._typed = typed
        self._at = max(0, min(self._at + by, len(self._lines)))
        return self._lines[self._at] if self._at < len(self._lines) else self._typed


def _read() -> list[str]:
    try:
        return paths.history().read_text().splitlines()[-REMEMBERED:]
    except (OSError, UnicodeDecodeError):
        return []


def _write(lines: list[str]) -> None:
    path = paths.history()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("".join(f"{line}\n" for line in lines))


class VerbLine(Input):
    """The line itself. Its keys take effect here, in their order: a binding waits for those that follow it."""

    DEFAULT_CSS = "VerbLine { width: 1fr; }"

    def __init__(self, keys: Mapping[str, Callable[[], object]]) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self.cursor_blink = False
        self._keys = keys

    async def _on_key(self, event: Key) -> None:
        if event.key in self._keys:
            event.stop()
            event.prevent_default()
            self._keys[event.key]()


class CommandLine(Vertical):
    """A line to type a verb, above it what came of those before; it lies over the panels, so that none moves.

    Attributes:
        accept: Has a line done; why that can not be, empty if it can.
        complete: How a line may go on: as far as all agree on it, and what its last word may become.
    """

    DEFAULT_CSS = """
    CommandLine {
        layer: command; dock: bottom; margin-bottom: 1; height: auto; display: none; background: $surface;
        &.-open { display: block; }
        VerticalScroll {
            height: auto; max-height: 12; padding: 0 1; border-top: solid $accent; background: $surface;
            scrollbar-size-vertical: 1;
            Static { height: auto; }
        }
        Horizontal { height: 1; }
        Label { width: 3; padding-left: 1; color: $text-accent; }
    }
    """

    class Interrupted(Message):
        """What is being done is to end."""

    class Closed(Message):
        """The keys are the panels' again."""

    def __init__(self) -> None:
        super().__init__()
        self.accept: Callable[[str], str] = lambda line: ""
        self.complete: Callable[[str], tuple[str, tuple[str, ...]]] = lambda line: (line, ())
        self._history: History | None = None
        self._log = VerticalScroll(can_focus=False)
        self._line = VerbLine({
            "enter": self._enter, "tab": self._complete, "escape": self.close,
            "up": lambda: self._walk(-1), "down": lambda: self._walk(1),
            "pageup": lambda: self._page(-1), "pagedown": lambda: self._page(1),
            "ctrl+c": self._interrupt,
        })  # fmt: skip

    def compose(self) -> ComposeResult:
        yield self._log
        with Horizontal():
            yield Label(":")
            yield self._line

    @property
    def is_open(self) -> bool:
        """Whether it has the keys."""
        return self.has_class("-open")

    @property
    def typed(self) -> str:
        """What stands in the line."""
        return self._line.value

    @property
    def lines(self) -> list[str]:
        """What is to be read above it."""
        return [line for each in self._log.query(Static) for line in str(each.content).splitlines()]

    def open(self, begun: str = "") -> None:
        """Show it, and take the keys.

        Args:
            begun: How the line begins; what stood in it is lost. Empty for the line as it was.
        """
        if begun:
            self.put(begun)
        if self._history is None:
            self._history = History()
            self.say("help lists the verbs · Tab completes · ↑ brings back · Ctrl-C interrupts · Esc closes")
        self.add_class("-open")
        self._line.focus()

    def close(self) -> None:
        """Hide it, and give the keys back."""
        self.remove_class("-open")
        self.post_message(self.Closed())

    def say(self, text: str, style: str = "") -> None:
        """Write lines above it."""
        said = self._log.query(Static)
        if len(said) >= _KEPT:
            said.first().remove()
        self._log.mount(Static(Content.styled(text, style) if style else Content(text)))
        self._log.anchor()

    def put(self, line: str) -> None:
        """Have this in the place of what is typed."""
        self._line.value = line
        self._line.cursor_position = len(line)

    def _enter(self) -> None:
        line = self._line.value.strip()
        if line and self._history is not None:
            self._history.add(line)
            self.say(f": {line}", "bold")
            problem = self.accept(line)
            if problem:
                self.say(problem, "$text-error")
            else:
                self._line.clear()

    def _interrupt(self) -> None:
        """As in a shell: what is being done ends, and what is typed is dropped."""
        self._line.clear()
        self.post_message(self.Interrupted())

    def _walk(self, by: int) -> None:
        if self._history is not None:
            self.put(self._history.walk(by, self._line.value))

    def _complete(self) -> None:
        at = self._line.cursor_position
        before, after = self._line.value[:at], self._line.value[at:]
        completed, words = self.complete(before)
        self._line.value = completed + after
        self._line.cursor_position = len(completed)
        if len(words) > 1 and completed == before:
            self.say("  ".join(words), "$text-muted")

    def _page(self, by: int) -> None:
        self._log.scroll_relative(y=by * max(1, self._log.size.height - 1), animate=False)
