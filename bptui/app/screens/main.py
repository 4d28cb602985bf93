"""The main screen: all panels side by side, or one at a time where there is little room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.events import DescendantFocus, Resize
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Static

from bptui.app.actions import ACTIONS
from bptui.app.command_line import CommandLine
from bptui.app.footer import LegalKeys
from bptui.app.messages import PlaceSelected
from bptui.app.panels.branches import BranchesPanel
from bptui.app.panels.breakpoints import BreakpointsPanel
from bptui.app.panels.console import ConsolePanel
from bptui.app.panels.diagnostics import DiagnosticsPanel
from bptui.app.panels.explain import ExplainPanel
from bptui.app.panels.flow import FlowPanel
from bptui.app.panels.gradients import GradientsPanel
from bptui.app.panels.graph import GraphPanel
from bptui.app.panels.lesson import LessonPanel
from bptui.app.panels.op import OpPanel
from bptui.app.panels.panel import Panel
from bptui.app.panels.parameters import ParametersPanel
from bptui.app.panels.run import RunPanel
from bptui.app.panels.source import SourcePanel
from bptui.app.panels.watches import WatchesPanel
from bptui.app.panels.weights import WeightsPanel
from bptui.app.status_line import StatusLine
from bptui.app.timeline import Timeline
from bptui.app.view import View
from bptui.recording.reader import Reader

WIDE = (100, 30)
"""From this size on, in columns and rows, all panels stand side by side."""

LEAST = (40, 12)
"""On a smaller terminal there is nothing to be seen."""

PANELS: tuple[type[Panel], ...] = (
    GraphPanel, GradientsPanel, WeightsPanel, SourcePanel, ConsolePanel, RunPanel, ParametersPanel, FlowPanel,
    ExplainPanel, OpPanel, BreakpointsPanel, WatchesPanel, DiagnosticsPanel, BranchesPanel, LessonPanel,
)  # fmt: skip
_BOTTOM = ("console", "run", "flow", "op", "breakpoints", "watches", "diagnostics", "branches")

_OF_AN_OP = ("graph", "source", "explain")
"""Panels that show where inside a sample the training has stopped, as Op does."""

_BEHIND_EXPLAIN = ("gradients", "parameters")
"""In whose place Explain stands, from when it is gone to until one of them is."""
_OF_SEVERAL = (ParametersPanel, FlowPanel)
"""Only there if more than a single number is trained; else Weights says it all."""


_SHORT = {"Gradients": "Grads", "Source": "Code", "Parameters": "Params", "Explain": "Why"} | dict.fromkeys(
    ("Breakpoints", "Watches", "Diagnostics", "Branches", "Lesson"), ""
)
"""Names for where there is no room for all of them; of a panel with a letter, its frame has the name."""


class PanelTabs(Static):
    """The panels' names in a line, where only one of them is shown."""

    DEFAULT_CSS = "PanelTabs { height: 1; padding: 0 1; link-style: none; }"

    class Chosen(Message):
        """The user clicked on a name."""

        def __init__(self, number: int | str) -> None:
            super().__init__()
            self.number = number

    def show(self, panels: Sequence[type[Panel]], active: str, failed: bool) -> None:
        """Draw the names, the active one marked, and Run if it says why it failed; closer together if many."""
        needed, room = sum(len(panel.NAME) + 5 for panel in panels) - 1, self.app.size.width - 2
        space = " " if needed <= room else ""
        short = _SHORT if needed - 2 * len(panels) > room else {}
        parts = []
        for panel in panels:
            is_why = failed and panel is RunPanel
            colour = "bold $text-error" if is_why else "$text-muted"
            style = "bold reverse" if panel.NAME.lower() == active else colour
            name = f"{panel.NUMBER} {short.get(panel.NAME, panel.NAME)}".rstrip()
            text = f"{space}{name}{' ✖' * is_why}{space}"
            parts.append(Content.styled(text, f"{style} @click=choose({panel.NUMBER!r})"))
        self.update(Content(" ").join(parts))

    def action_choose(self, number: int | str) -> None:
        """Go to a panel."""
        self.post_message(self.Chosen(number))


class MainScreen(Screen[None]):
    """Everything about one moment of a run."""

    CSS_PATH = "main.tcss"
    AUTO_FOCUS = None
    BINDINGS: ClassVar = [action.binding for action in ACTIONS]

    active: reactive[str] = reactive("gradients")
    """The id of the panel that has the focus, and the room where there is little."""
    zoomed: reactive[bool] = reactive(False)
    """Whether the active panel has the whole screen."""

    def __init__(self) -> None:
        super().__init__()
        self._spoken = False
        self._is_inside = False
        self._several = False
        self._asked = False  # for Parameters or Flow, before it is known whether there are several
        self._known = False
        self._failed = False
        self._room = Size(0, 0)
        self._before_lesson = "gradients"

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield Timeline()
        yield PanelTabs()
        with Container(id="panels"):
            with Container(id="left"):
                yield GraphPanel()
                yield GradientsPanel()
                yield ParametersPanel()
                yield ExplainPanel()
            with Container(id="right"):
                yield SourcePanel()
                yield LessonPanel()
                yield WeightsPanel()
                with Container(id="bottom"):
                    yield ConsolePanel()
                    yield RunPanel().add_class("-front")
                    yield FlowPanel()
                    yield OpPanel()
                    yield BreakpointsPanel()
                    yield WatchesPanel()
                    yield DiagnosticsPanel()
                    yield BranchesPanel()
        yield Static(id="tiny")
        yield CommandLine()
        yield LegalKeys()

    def greet(self, view: View) -> None:
        """Say what is awaited, before there is a recording."""
        self.query_one(StatusLine).show(view, None, "")

    def show(self, view: View, reader: Reader, count: str) -> None:
        """Draw a view in every panel that is on screen."""
        self._front_console(view, reader)
        if view.inside is not None and not self._is_inside and self.active not in _BOTTOM:
            self.bring_front("op")
            if self.active not in _OF_AN_OP and self.has_class("-single"):
                self.active = "op"
        self._is_inside = view.inside is not None
        self._known = bool(view.parameters) or view.steps > 0  # a loop that yields names none
        several = view.has_several or (self._asked and not self._known)
        is_so = several, view.status.state == "failed"
        if is_so != (self._several, self._failed):
            self._several, self._failed = is_so
            if self.active not in [panel.NAME.lower() for panel in self.panels]:
                self.active = "weights"
            self._arrange()
        self.query_one(StatusLine).show(view, reader, count)
        self.query_one(Timeline).show(view, reader)
        for panel in self.query(Panel):
            if panel.display and panel.size:
                panel.show(view, reader)

    def panel(self, name: str) -> Panel:
        """The panel of an id."""
        return self.query_one(f"#{name}", Panel)

    @property
    def panels(self) -> tuple[type[Panel], ...]:
        """The panels that there are for this training."""
        others = [panel for panel in PANELS if self._several or panel not in _OF_SEVERAL]
        return tuple(panel for panel in others if panel is not LessonPanel or self.active == "lesson")

    @property
    def console_room(self) -> Size:
        """The size of the Console when it was last on screen; before that, of the panel in its place."""
        console, active = self.panel("console"), self.panel(self.active)
        fronts = [self.panel(name) for name in _BOTTOM if self.panel(name).is_on_screen]
        if console.is_on_screen:
            self._room = console.content_size
        elif not self._room:
            self._room = (fronts[0] if fronts else active).content_size
        return self._room

    @property
    def graph_row(self) -> int | None:
        """The row that is selected in Graph, of a module its last; None in an empty one."""
        return self.query_one(GraphPanel).selected

    def choose(self, number: int | str) -> None:
        """Go to a panel by its number, if there is one."""
        if not self._several and number in [panel.NUMBER for panel in _OF_SEVERAL]:
            if self._known:
                self.notify("no parameters to list: Weights shows what is trained")
            self._asked = self._several = not self._known
        for panel in self.panels:
            if number == panel.NUMBER:
                self.active = panel.NAME.lower()
                if self.active in _BOTTOM:  # it may be active, and yet behind the other
                    self.bring_front(self.active)

    def reveal(self, name: str) -> None:
        """Go to a panel if it is not on screen."""
        if not self.panel(name).is_on_screen:
            self.active = name

    def action_type(self) -> None:
        self.choose(ConsolePanel.NUMBER)
        self.query_one(ConsolePanel).begin_typing()

    def action_command(self) -> None:
        self.query_one(CommandLine).open()

    def action_bisect(self) -> None:
        self.query_one(CommandLine).open("bisect ")

    def action_set(self) -> None:
        self.query_one(CommandLine).open("set ")

    def action_skip(self) -> None:
        self.query_one(CommandLine).open("skip ")

    def action_race(self) -> None:
        self.query_one(CommandLine).open("race lr ")

    @on(CommandLine.Closed)
    def _command_done(self) -> None:
        self.panel(self.active).take_focus()

    def action_explain(self) -> None:
        self.choose(ExplainPanel.NUMBER)

    def action_branches(self) -> None:
        self.active = "branches"
        self.bring_front("branches")

    def action_breakpoints(self) -> None:
        self.active = "breakpoints"
        self.bring_front("breakpoints")

    def action_watches(self) -> None:
        self.active = "watches"
        self.bring_front("watches")

    def action_lesson(self) -> None:
        if self.active == "lesson":
            self.active = self._before_lesson
            self.remove_class("-teaches")
        else:
            self._before_lesson, self.active = self.active, "lesson"

    def action_diagnostics(self) -> None:
        self.choose(DiagnosticsPanel.NUMBER)

    def action_zoom(self) -> None:
        self.zoomed = not self.zoomed

    def action_next_panel(self) -> None:
        self._move(1)

    def action_previous_panel(self) -> None:
        self._move(-1)

    def action_filter(self) -> None:
        self.active = "parameters"
        self.query_one(ParametersPanel).ask_filter()

    def action_sort(self) -> None:
        self.query_one(ParametersPanel).sort_next()

    def action_unfold_all(self) -> None:
        self.query_one(GraphPanel).unfold_all()

    def action_turn_order(self) -> None:
        self.query_one(ParametersPanel).turn_order()

    def _move(self, by: int) -> None:
        """Go to the next thing that takes keys: in the same panel if there is one, else in the next."""
        inside = [widget for widget in self.panel(self.active).query("*") if widget.focusable and widget.display]
        at = inside.index(self.focused) + by if self.focused in inside else -1
        if 0 <= at < len(inside):
            inside[at].focus()
            return
        names = [panel.NAME.lower() for panel in self.panels]
        self.active = names[(names.index(self.active) + by) % len(names)]

    def _front_console(self, view: View, reader: Reader) -> None:
        """Once something is printed, show it where the run's facts stood, unless they are to be read."""
        if not self._spoken and reader.output_count():
            self._spoken = True
            if self.active not in _BOTTOM and view.status.state != "failed":
                self.bring_front("console")

    def bring_front(self, name: str) -> None:
        """Show one of the panels that share the lower right corner."""
        for other in _BOTTOM:
            self.panel(other).set_class(other == name, "-front")
        self._redraw_soon()

    def watch_active(self, active: str) -> None:
        if self.is_mounted and active in _BOTTOM:
            self.bring_front(active)
        if active in (*_BEHIND_EXPLAIN, "explain"):
            self.set_class(active == "explain", "-explains")
        if active in ("source", "lesson"):  # which stand in the same place
            self.set_class(active == "lesson", "-teaches")
        self._arrange()
        if self.is_mounted and not self.panel(active).has_focus_within:
            self.panel(active).take_focus()

    def watch_zoomed(self) -> None:
        self._arrange()

    @on(Resize)
    def _resized(self) -> None:
        self._arrange()

    @on(DescendantFocus)
    def _focused(self, event: DescendantFocus) -> None:
        if event.widget is not self.focused:  # two panels were chosen in one go
            return
        for panel in self.query(Panel):
            if panel in event.widget.ancestors:
                self.active = panel.id or ""

    @on(PanelTabs.Chosen)
    def _chosen(self, event: PanelTabs.Chosen) -> None:
        self.choose(event.number)

    @on(PlaceSelected)
    def _point(self, event: PlaceSelected) -> None:
        self.query_one(SourcePanel).point_at(event.place)
        self.query_one(ExplainPanel).follow()

    def _arrange(self) -> None:
        if not self.is_mounted:
            return
        width, height = self.app.size
        self.set_class(width < LEAST[0] or height < LEAST[1], "-tiny")
        self.query_one("#tiny", Static).update(
            f"{width}×{height} is too small:\nbptui needs {LEAST[0]}×{LEAST[1]}.\nPlease enlarge the terminal."
        )
        self.set_class(self._several, "-several")
        self.set_class(self.zoomed or width < WIDE[0] or height < WIDE[1], "-single")
        for panel in self.query(Panel):
            panel.set_class(panel.id == self.active, "-active")
        for side in self.query("#left, #right, #bottom"):
            side.set_class(self.panel(self.active) in side.query(Panel), "-shown")
        shown = (
            panel for panel in self.panels if isinstance(panel.NUMBER, int) or panel.NAME.lower() == self.active
        )
        tabs = list(shown)  # those that a letter goes to, only while they are on screen
        self.query_one(PanelTabs).show(tabs, self.active, self._failed)
        self._redraw_soon()

    def _redraw_soon(self) -> None:
        """Draw what has come on screen; only then is it known how large it is."""
        self.app.call_after_refresh(self.app.redraw)  # type: ignore[attr-defined]
