"""The user's own source, at the line where it is, and the variables there."""

from __future__ import annotations

from pathlib import PurePath

from textual.app import ComposeResult
from textual.events import Resize

from bptui.app.panels.inspected import Inspected
from bptui.app.panels.panel import Panel
from bptui.app.panels.variables import COLUMNS, inspected, row, same_frame
from bptui.app.view import Spot, View
from bptui.app.widgets.code_view import CodeView
from bptui.app.widgets.virtual_table import Row, VirtualTable
from bptui.breakpoints import is_at
from bptui.recording.reader import Reader
from bptui.records import Frame, Place

_BESIDE = 110
"""From this width on, the variables stand beside the code and not below it."""


class SourcePanel(Panel):
    """Why you look at this: the code that made the numbers, who called it, and with what."""

    NAME, NUMBER = "Source", 4

    DEFAULT_CSS = """
    SourcePanel {
        CodeView { height: 1fr; }
        VirtualTable { display: none; border-top: solid $foreground 20%; }
        &.-beside {
            layout: horizontal;
            CodeView { width: 1fr; }
            VirtualTable { width: 60; height: 1fr; border-top: none; border-left: solid $foreground 20%; }
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._spot = Spot(Place("", 0))
        self._text = ""
        self._is_error = False
        self._frame: Frame | None = None
        self._before: Frame | None = None
        self._signs: dict[int, str] = {}

    def compose(self) -> ComposeResult:
        yield CodeView("The source appears when the target is loaded.")
        yield VirtualTable(COLUMNS, self._rows, header=False)

    def show(self, view: View, reader: Reader) -> None:
        """Show the place of the sample, or of the frame that was walked to."""
        spots = view.spots
        if not spots:
            return
        spot = spots[min(view.spot, len(spots) - 1)]
        if spot.place.path != self._spot.place.path or not self._text:
            self._text = reader.source(spot.place.path)
        self._is_error = bool(view.stack and view.stack.error) and spot.number == 1 and not spot.is_forward
        same = spot.frame is not None and self._frame is not None and same_frame(spot.frame, self._frame)
        self._spot, self._frame, self._before = spot, spot.frame, _frame_before(view, spot)
        self._signs = _signs(view, spot.place.path)
        self.point_at(None)
        self._show_variables(keeps_cursor=same)
        self.titled(_title(view, spot), _aside(view, spot))

    def inspected(self, view: View, reader: Reader) -> tuple[str, Inspected]:
        """The variable at the cursor, or what it holds; without variables, the sample."""
        if self._frame is None or not self._frame.locals:
            return super().inspected(view, reader)
        return inspected(self._frame, self.query_one(VirtualTable).cursor, self._spot.number or 1)

    def stop_at(self, view: View) -> str:
        """The line at the cursor."""
        line = self.query_one(CodeView).cursor
        return f"{self._spot.place.path}:{line}" if line and self._spot.place.path.endswith(".py") else ""

    def point_at(self, place: Place | None) -> None:
        """Mark the line of what is selected elsewhere."""
        here = self._spot.place
        related = frozenset({place.line}) if place and place.path == here.path else frozenset[int]()
        code = self.query_one(CodeView)
        if here.path:
            code.placeholder = f"{PurePath(here.path).name}, line {here.line}: its source can not be read"
        code.show(here.path, self._text, here.line, related, is_error=self._is_error, signs=self._signs)

    def on_resize(self, event: Resize) -> None:
        self.set_class(self.content_size.width >= _BESIDE, "-beside")
        self._show_variables(keeps_cursor=True)

    def _show_variables(self, keeps_cursor: bool) -> None:
        table, count = self.query_one(VirtualTable), len(self._frame.locals) if self._frame else 0
        table.display = count > 0
        if not self.has_class("-beside"):
            table.styles.height = min(count, -(-self.content_size.height * 2 // 5)) + 1  # and the line above it
        else:
            table.styles.height = None
        table.show(count, cursor=None if keeps_cursor else 0)

    def _rows(self, start: int, stop: int) -> list[Row]:
        return [row(local, self._before) for local in self._frame.locals[start:stop]] if self._frame else []


def _signs(view: View, path: str) -> dict[int, str]:
    """The breakpoints on lines of this file."""
    here = [each for each in view.status.breakpoints if is_at(each, path, each.line)]
    return {each.line: "•" if each.message else "●" if each.is_enabled else "○" for each in here}


def _frame_before(view: View, spot: Spot) -> Frame | None:
    """The same function's frame at the stop before."""
    frames = view.stack_before.frames if view.stack_before and spot.frame else ()
    return next((frame for frame in frames if spot.frame and same_frame(frame, spot.frame)), None)


def _title(view: View, spot: Spot) -> str:
    name = PurePath(spot.place.path).name
    if spot.frame is None or not spot.number:
        return name
    if spot.is_forward and view.inside is not None:
        return f"{name}  forward {_numbered(len(view.inside.made_by), spot.number, spot.frame)}"
    return f"{name}  {_numbered(_frames(view), spot.number, spot.frame)}"


def _frames(view: View) -> int:
    return len(view.stack.frames) + view.stack.left_out if view.stack else 0


def _numbered(count: int, number: int, frame: Frame) -> str:
    call = frame.function if frame.function.startswith("<") else f"{frame.function}()"
    return f"frame {number}/{count} {call}"


def _aside(view: View, spot: Spot) -> str:
    """What is to be said of the spot beside its name."""
    frame = spot.frame
    if frame is None:
        is_past = view.sample is not None and (view.looks_back or not view.commands)
        return "locals were not recorded here: no stop" if is_past else ""
    if view.stack is not None and view.stack.error and spot.number == 1:
        return view.stack.error
    if view.is_moving:
        return "running: the locals are those of the last stop"
    if spot.is_forward and view.inside is not None:
        return f"here the forward pass made {view.inside.op}: only the line is left"
    parts = [frame.remark, f"{frame.left_out} more locals" if frame.left_out else ""]
    if not spot.number:
        parts.append(f"locals of {_numbered(_frames(view), 1, frame)}")
    elif frame.inside:
        parts.append(f"called {frame.inside}")
    return " · ".join(part for part in parts if part)
