"""The app: turns keys into commands, and what the session says into a view."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from textual import on
from textual.actions import ActionParseResult
from textual.dom import DOMNode
from textual.events import Key
from textual.timer import Timer

from bptui.app.actions import ACTIONS, BY_ID, COUNTED
from bptui.app.command_line import CommandLine
from bptui.app.count import Count
from bptui.app.diagnoses import Diagnoses, in_words
from bptui.app.link import Link
from bptui.app.messages import (
    AnswerArrived,
    BreakpointsEdited,
    BreakpointWanted,
    FindingChosen,
    KeysTyped,
    NumbersWanted,
    SessionLost,
    StatusArrived,
    StepSelected,
    WatchesEdited,
    WatchWanted,
    Welcomed,
)
from bptui.app.outcome import Outcome, refused
from bptui.app.palette import Actions
from bptui.app.panels.breakpoints import cost
from bptui.app.panels.console import terminal_size
from bptui.app.panels.explain import ExplainPanel
from bptui.app.panels.graph import GraphPanel
from bptui.app.screens.break_at import BreakAt
from bptui.app.screens.checks import Checks
from bptui.app.screens.confirm import Confirm
from bptui.app.screens.help import Help
from bptui.app.screens.inspect import Inspect
from bptui.app.screens.main import MainScreen
from bptui.app.screens.watch import Watch
from bptui.app.steps import epoch_forward
from bptui.app.themes import LIGHT, THEMES
from bptui.app.travelling import Travelling
from bptui.app.view import View, look, recorded_status
from bptui.app.widgets.virtual_table import VirtualTable
from bptui.breakpoints import free_id, is_same_line, parse_breakpoint
from bptui.diagnostics import Limits, read_limits
from bptui.errors import BptuiError
from bptui.protocol import (
    Ask,
    Breakpoints,
    Command,
    Interrupt,
    Pause,
    Quit,
    Reset,
    Resized,
    Status,
    Step,
    Typed,
    Watches,
)
from bptui.recording.reader import Reader
from bptui.records import Breakpoint
from bptui.verbs import BadLine, Prepared, Training, Verbs, complete, parse_verb

BETWEEN = 0.03
"""Seconds between two looks of the rules, while they have more to look at."""


class BptuiApp(Travelling):
    """Steps through a training, or looks at a recording of one."""

    TITLE = "bptui"
    COMMANDS = {Actions}
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar = []

    def __init__(
        self, link: Link | None = None, reader: Reader | None = None, limits: Limits | None = None
    ) -> None:
        """Make the app.

        Args:
            link: The session to follow, None for a recording without one.
            reader: The recording, None if the session is to say where it is.
            limits: The numbers that diagnoses go by, None for those of the user, or else the default.

        Raises:
            BptuiError: The user's numbers can not be read.
        """
        super().__init__()
        self._link = link
        self._reader = reader
        self._training = Training(self._send, reader)
        self._training.obeys = bool(link and not link.viewer)
        self._training.limits = limits
        self._training.on_look = self._look
        self._verbs = Verbs(self._training)
        self._view = View(
            Status("starting", 0, 0, detail="starting the session"), commands=bool(link and not link.viewer)
        )
        self._count = Count(self, self._choose_panel)
        self._diagnoses = Diagnoses(limits or read_limits())
        self._diagnosing: Timer | None = None
        self._legal: tuple[str, ...] = ()
        self._leaving = False
        self._terminal_size: tuple[int, int] | None = None
        self._main = MainScreen()
        self.register_theme(LIGHT)
        few_colours = self.console.color_system in (None, "standard")
        self.theme = THEMES["ansi" if few_colours else "dark"]

    @property
    def _shown(self) -> tuple[int, int] | None:
        """The branch and step looked at, None for the newest: the verbs' own."""
        return self._training.shown

    @_shown.setter
    def _shown(self, shown: tuple[int, int] | None) -> None:
        self._training.shown = shown

    @property
    def view(self) -> View:
        """What is on screen."""
        return self._view

    # -- from outside ----------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._terminated)
        await self.push_screen(self._main)
        self._main.choose(2)
        line = self._main.query_one(CommandLine)
        line.accept, line.complete = self._accept, partial(complete, training=self._training)
        if self._link is not None:
            self.run_worker(self._link.follow(self), group="link", exit_on_error=False)
        if self._reader is not None:
            self._take(recorded_status(self._reader))

    def _terminated(self) -> None:
        self._leaving = True
        self.exit(Outcome(128 + signal.SIGTERM, detached=True))

    @on(Welcomed)
    def _open(self, event: Welcomed) -> None:
        if self._reader is None:
            self._reader = self._training.reader = Reader(Path(event.welcome.recording))

    @on(StatusArrived)
    def _arrived(self, event: StatusArrived) -> None:
        self._take(event.status)

    @on(AnswerArrived)
    def _answered(self, event: AnswerArrived) -> None:
        self._training.hear(event.answer)
        for screen in self.screen_stack:
            if isinstance(screen, Inspect):
                screen.take(event.answer)

    @on(SessionLost)
    def _lost(self, event: SessionLost) -> None:
        if self._leaving:
            return
        self._view = dataclasses.replace(self._view, commands=False)
        self._training.obeys = False
        if self._reader is None:
            self.exit(Outcome(1, f"the session did not start: {event.why}"))
        elif self._view.status.exit_code is None:
            lost = f"the session is gone: {event.why}; what it recorded is here"
            self._take(dataclasses.replace(self._view.status, state="lost", detail=lost))
        else:
            self.redraw()

    def _take(self, status: Status) -> None:
        """Show a new status; a failure, or another branch, brings one back from the past."""
        old = self._view.status
        self._training.hear(status)
        if status.refused:
            self._leaving = True
            if self._view.commands:
                self._send(Quit())
            self.exit(refused(status))
            return
        if status.branch != old.branch:
            self._shown = None
        if status.state == "failed" and old.state != "failed":
            self._main.bring_front("run")
        if status.differs and status.differs != old.differs:
            self.notify(status.differs, title="another run", severity="warning", timeout=10, markup=False)
        if status.trouble and not old.trouble:
            self.notify(status.trouble, title="recording stopped", severity="error", timeout=10, markup=False)
        self._look(status)

    def _look(self, status: Status | None = None) -> None:
        if self._reader is None:
            return
        branch, step = self._shown or (None, None)
        self._view = look(self._reader, self._view, status or self._view.status, branch, step)
        self._diagnose(self._reader)
        self.redraw()

    def _diagnose(self, reader: Reader) -> None:
        """Look on, and again soon if there is more to be looked at."""
        branch, is_done = self._view.branch, self._diagnoses.follow(reader, self._view)
        known = self._diagnoses
        self._view = dataclasses.replace(
            self._view,
            findings=known.findings(branch),
            diagnosed=known.diagnosed(branch),
            crowd=known.crowd(branch),
        )
        if not is_done and self._diagnosing is None:
            self._diagnosing = self.set_timer(BETWEEN, self._diagnose_on)
        if is_done and (news := self._diagnoses.news(branch)) and self._view.commands:
            self.notify(in_words(news), title="! diagnosis · D", severity="warning", markup=False)

    def _diagnose_on(self) -> None:
        self._diagnosing = None
        if self._reader is not None:
            self._diagnose(self._reader)
            self.redraw()

    def redraw(self) -> None:
        """Draw the view; the footer only if what is legal has changed."""
        if not self._main.is_mounted or not self._main.children:  # not there yet, or on its way out
            return
        if self._reader is None:
            self._main.greet(self._view)
            return
        with self.batch_update():
            self._main.show(self._view, self._reader, self._count.digits)
            legal = tuple(action.id for action in ACTIONS if action.legal(self._view))
            if legal != self._legal:
                self._legal = legal
                self.refresh_bindings()
            if isinstance(self.screen, Inspect | Checks):
                self.screen.follow(self._view)
        self._fit_terminal()

    def _fit_terminal(self) -> None:
        """Have the script's terminal be as large as the Console."""
        room = self._main.console_room
        if not room or not self._view.commands or not self._view.status.has_terminal:
            return
        size = terminal_size(room)
        if size != self._terminal_size:
            self._terminal_size = size
            self._send(Resized(*size))

    # -- keys ------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in BY_ID:
            return BY_ID[action].legal(self._view)
        return super().check_action(action, parameters)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run an action; it uses up the count."""
        done = await super().run_action(action, default_namespace, namespaces)
        if done and self._count.digits:
            self._drop_count()
        return done

    def on_key(self, event: Key) -> None:
        """Take digits as a count; one before a key that takes none is the panel that the key is meant for."""
        self.clear_notifications()  # read by now, and in the way
        if self.screen is self._main and event.key.isdecimal():
            event.stop()
            self._count.add(event.key)
            self.redraw()
        elif event.key == "escape":
            self._drop_count()
        elif len(self._count.digits) == 1 and event.key not in COUNTED:
            self._choose_panel(self._count.take())  # its bindings are looked up after this

    def _drop_count(self) -> None:
        self._count.take()
        self.redraw()

    def _choose_panel(self, number: int) -> None:
        self._main.choose(number)
        self.redraw()

    def _send(self, command: Command) -> None:
        if self._link is not None:
            self._link.send(command)

    # -- stepping and looking --------------------------------------------------------------------------

    def action_step(self) -> None:
        count = self._count.take()
        if self._view.looks_back and self._view.steps:
            self._show_step(self._view.step + count)
        else:
            self._send(Step("sample", count))

    def action_op(self) -> None:
        self._send(Step("op", self._count.take()))

    def action_phase(self) -> None:
        self._send(Step("phase", self._count.take()))

    def action_finish(self) -> None:
        self._send(Step("module"))

    def action_to_row(self) -> None:
        row = self._main.graph_row
        if row is not None:
            self._send(Step("row", row + 1))

    def action_epoch(self) -> None:
        count = self._count.take()
        if self._view.looks_back and self._view.steps and self._reader is not None:
            self._show_step(epoch_forward(self._reader, self._view, count))
        else:
            self._send(Step("epoch", count))

    def action_resume(self) -> None:
        self._shown = None
        self._send(Step("run"))

    def action_pause(self) -> None:
        self._send(Pause(at_once=self._view.status.pausing))

    @on(KeysTyped)
    def _typed(self, event: KeysTyped) -> None:
        self._send(Typed(event.keys))

    def action_breakpoint(self) -> None:
        active = self._main.active
        text = self._main.panel("graph" if active == "explain" else active).stop_at(self._view)
        if text:
            self._toggle_breakpoint(text)
        else:
            self._ask_breakpoint(None)

    def _toggle_breakpoint(self, text: str) -> None:
        """Stop there, or stop there no more."""
        known = self._view.status.breakpoints
        try:
            wanted = parse_breakpoint(text)
        except BptuiError as error:  # below all code, or a name that can not be written
            self.notify(str(error), severity="warning", markup=False)
            return
        left = tuple(each for each in known if each.text != text and not is_same_line(each, wanted))
        if left == known:
            self._add_breakpoint(wanted)
        else:
            self._send(Breakpoints(left))

    def _add_breakpoint(self, wanted: Breakpoint) -> None:
        known = self._view.status.breakpoints
        new = dataclasses.replace(wanted, id=wanted.id or free_id(known))
        others = (each for each in known if each.id != new.id)
        self._send(Breakpoints(tuple(sorted((*others, new), key=lambda each: each.id))))
        self.notify(cost(new) or f"breakpoint {new.id}: {new.text}", markup=False)

    @on(BreakpointsEdited)
    def _break_at_these(self, event: BreakpointsEdited) -> None:
        if self._view.commands:
            self._send(Breakpoints(event.breakpoints))

    @on(BreakpointWanted)
    def _break_elsewhere(self, event: BreakpointWanted) -> None:
        if self._view.commands:
            self._ask_breakpoint(event.old)

    def _ask_breakpoint(self, old: Breakpoint | None) -> None:
        def add(new: Breakpoint | None) -> None:
            if new is not None and self._view.commands:
                self._add_breakpoint(new)
                self._main.reveal("breakpoints")

        names = [each.name for each in self._view.parameters]
        self.push_screen(BreakAt(old, names), add)

    def action_watch(self) -> None:
        self._ask_watch("")

    @on(WatchWanted)
    def _change_watch(self, event: WatchWanted) -> None:
        self._ask_watch(event.expression)

    @on(WatchesEdited)
    def _watch_these(self, event: WatchesEdited) -> None:
        if self._view.commands:
            self._send(Watches(event.expressions))

    def _ask_watch(self, old: str) -> None:
        def watch(new: str | None) -> None:
            if new is None or not self._view.commands:
                return
            known = [each for each in self._view.status.watches if each not in (old, new)]
            self._send(Watches((*known, new) if new else tuple(known)))
            self._main.reveal("watches")

        self.push_screen(Watch(old), watch)

    @on(StepSelected)
    def _selected(self, event: StepSelected) -> None:
        self._show_step(event.step)

    @on(FindingChosen)
    def _show_finding(self, event: FindingChosen) -> None:
        """Go to the sample since which it is so, and to the row that it is about."""
        self._show_step(event.finding.since)
        if event.finding.row >= 0 and self._view.step == event.finding.since:
            self._main.query_one(GraphPanel).select(event.finding.row)

    def action_frame_up(self) -> None:
        self._walk(1)

    def action_frame_down(self) -> None:
        self._walk(-1)

    def _walk(self, frames: int) -> None:
        """Look at another frame of the stack, in Source."""
        self._view = dataclasses.replace(self._view, spot=self._view.spot + frames)
        self._main.reveal("source")
        self.redraw()

    def action_check(self) -> None:
        panel = self._main.query_one(ExplainPanel)
        panel.look_at(self._view, self._reader)
        self._main.choose(ExplainPanel.NUMBER)
        row = panel.row
        why_not = "there is no graph here" if row is None or self._reader is None else panel.why_unchecked(row)
        if row is None or why_not:
            self.notify(f"not checked: {why_not}", severity="warning", markup=False)
        else:
            self._ask(row, "check")
            panel.await_check(row)

    def action_checks(self) -> None:
        if self._reader is not None:
            self.push_screen(Checks(self._view, self._reader, self._send))

    def _ask(self, row: int, about: Literal["numbers", "check"]) -> None:
        self._send(Ask(self._view.step + (self._view.inside is not None), row, about))

    @on(NumbersWanted)
    def _numbers_wanted(self, event: NumbersWanted) -> None:
        if BY_ID["check"].legal(self._view):
            self._ask(event.row, "numbers")

    @on(VirtualTable.Activated)
    def action_inspect(self) -> None:
        if self._reader is not None:
            active = self._main.active
            panel = self._main.panel("graph" if active == "explain" else active)  # which explains Graph's row
            title, quantities = panel.inspected(self._view, self._reader)
            if quantities and not isinstance(self.screen, Inspect):
                self.push_screen(Inspect(title, quantities, self._view, self._send))
            elif title:
                self.notify(f"{title}: no more is recorded of it", markup=False)

    # -- verbs -----------------------------------------------------------------------------------------

    def _accept(self, line: str) -> str:
        """Have a line done; or below a caret why that can not be."""
        try:
            prepared = parse_verb(line)
        except BadLine as error:
            return f"{' ' * (2 + error.position)}^\n{error.message}"
        self.run_worker(self._do(prepared, self._main.query_one(CommandLine)), group="verbs")
        return ""

    async def _do(self, prepared: Prepared, line: CommandLine) -> None:
        """Do a verb, and say what came of it; where nobody looks there any more, in a notice."""
        spots = self._view.spots
        spot = spots[self._view.spot] if self._view.spot < len(spots) else None
        self._training.frame = spot.number if spot and spot.number and not spot.is_forward else 1
        result = await self._verbs.do(prepared)
        if result.text:
            line.say(result.text)
        if result.problem:
            line.say(result.problem, "$text-error")
        if not line.is_open and (result.problem or result.text):
            first = (result.problem or result.text).splitlines()[0]
            self.notify(
                first, title=prepared.line, severity="warning" if result.problem else "information", markup=False
            )
        if result.leaves:
            line.close()
            await self.action_quit()

    @on(CommandLine.Interrupted)
    def _interrupted(self) -> None:
        if self._training.asks:
            self._send(Interrupt())
        elif self._view.is_running and self._view.commands:
            self.action_pause()

    # -- the session -----------------------------------------------------------------------------------

    def action_reset(self) -> None:
        if self._view.steps:
            question = (
                "Begin again before the first sample?\nNothing is lost: it begins a new branch of the recording."
            )
            self.push_screen(Confirm(question, {"r": "reset", "a": "start the program anew"}), self._reset)
        else:
            self._reset("r")

    def _reset(self, answer: str | None) -> None:
        if answer:
            self._shown = None
            self._send(Reset(is_anew=answer == "a"))

    async def action_quit(self) -> None:
        if self.screen is not self._main:
            return
        if not self._view.commands or self._view.status.exit_code is not None or not self._view.status.steps:
            await self._leave("q")
            return
        path = self._reader.path if self._reader else ""
        question = f"The training is {self._view.status.state}. Its recording stays:\n{path}"
        answers = {"q": "quit: end the training", "d": "detach: leave it as it is; bptui attach comes back"}
        self.push_screen(Confirm(question, answers), self._leave)

    async def _leave(self, answer: str | None) -> None:
        if answer is None:
            return
        self._leaving = True
        if answer == "q" and self._view.commands and self._link is not None:
            self._send(Quit())
            await self._link.flush()
        self.exit(Outcome(detached=answer == "d"))

    # -- the screen ------------------------------------------------------------------------------------

    def action_theme(self) -> None:
        pairs = {"textual-dark": "textual-light", "ansi-dark": "ansi-light"}
        self.theme = (pairs | {light: dark for dark, light in pairs.items()}).get(self.theme, "textual-dark")

    def action_help(self) -> None:
        self.push_screen(Help())

    def action_palette(self) -> None:
        self.action_command_palette()

    def action_command_palette(self) -> None:
        if self.screen is self._main:
            super().action_command_palette()
