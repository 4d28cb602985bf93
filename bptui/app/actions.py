"""Every action of the app in one table: keys, palette, footer, help and the README's key table come from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

from bptui.app.view import View

Legal = Callable[[View], bool]


@dataclass(frozen=True, slots=True)
class Action:
    """Something the user can do.

    Attributes:
        id: The method is action_<id>, of the app or of its main screen.
        keys: The first is the one shown.
        label: One or two words, for the footer.
        help: One sentence, for help and palette.
        group: The heading it stands under in help.
        legal: Whether it is possible in a view.
        counts: Whether a count may be typed before its key.
        footer: Whether the footer shows it.
        shown: The first key as people write it.
        owner: Who has the method.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: str
    legal: Legal = lambda view: True
    counts: bool = False
    footer: bool = True
    shown: str = ""
    owner: Literal["app", "screen"] = "app"

    @property
    def key(self) -> str:
        """The key that is shown."""
        return self.shown or self.keys[0]

    @property
    def binding(self) -> Binding:
        """What binds the keys in Textual."""
        return Binding(
            ",".join(self.keys),
            f"{self.owner}.{self.id}",
            self.label,
            show=self.footer,
            key_display=self.key,
            tooltip=self.help,
            id=self.id,
        )


def _can_go_on(view: View) -> bool:
    return view.is_paused or view.looks_back or (view.commands and view.status.state == "starting")


def _can_go_in(view: View) -> bool:
    return (view.is_paused and not view.looks_back) or (view.commands and view.status.state == "starting")


def _can_ask(view: View) -> bool:
    return view.is_paused and not view.looks_back and (view.sample is not None or view.inside is not None)


def _can_go_back(view: View) -> bool:
    return view.step > 0 or (_can_return(view) and view.step + (view.inside is not None) >= 0)


def _can_return(view: View) -> bool:
    return view.can_return and not view.looks_back


def _can_walk(view: View, frames: int) -> bool:
    return 0 <= view.spot + frames < len(view.spots) and not view.is_moving


def _has_numbers(view: View) -> bool:
    return view.sample is not None or view.stack is not None


def _has_several(view: View) -> bool:
    return view.has_several


_STEP, _WHAT_IF, _LOOK, _SCREEN, _APP = "Stepping", "What if", "Looking", "Panels", "bptui"

ACTIONS = (
    Action("step", ("s", "space"), "step",
           "Run one sample; while looking back, show the next one", _STEP, _can_go_on, True),
    Action("op", ("o", "f11"), "op", "Run one op forward, or one node backward, into the sample", _STEP,
           _can_go_in, True),
    Action("phase", ("n", "f10"), "phase", "Run to the next phase: forward, backward, update, end", _STEP,
           _can_go_in, True),
    Action("finish", ("f", "shift+f11"), "finish", "Run until the module at hand is done, either way", _STEP,
           lambda view: _can_go_in(view) and view.inside is not None, footer=False, shown="f"),
    Action("to_row", ("t",), "to row", "Run to the row selected in Graph", _STEP,
           lambda view: _can_go_in(view) and view.step + (view.inside is not None) >= 0, footer=False),
    Action("epoch", ("e",), "epoch", "Run to the end of the epoch", _STEP, _can_go_on, True),
    Action("resume", ("c", "f5"), "run", "Run on until paused, or to the end", _STEP,
           lambda view: view.is_paused),
    Action("step_back", ("S",), "back", "Go back one sample; or look back at it", _STEP,
           _can_go_back, True),
    Action("op_back", ("O",), "op back", "Go back one op or node", _STEP, _can_return, True, footer=False),
    Action("phase_back", ("N",), "phase back", "Go back to where the phase before begins", _STEP, _can_return,
           counts=True, footer=False),
    Action("epoch_back", ("E",), "epoch back", "Go back to the end of the epoch before", _STEP, _can_go_back,
           counts=True, footer=False),
    Action("reverse", ("C",), "run back", "Go back to the last hit of a breakpoint, or to the start",
           _STEP, _can_return, footer=False),
    Action("newest", ("G",), "now", "Return to the newest sample", _STEP,
           lambda view: (view.looks_back and view.steps > 0) or (view.can_return and view.is_back)),
    Action("pause", ("p", "f6"), "pause", "Stop at the next op; twice: at the next line of Python", _STEP,
           lambda view: view.commands and view.is_running),
    Action("goto", ("g",), "go", "Go to a sample or epoch, run or not: 120, e3, 3.5", _STEP,
           lambda view: view.steps > 0 or view.is_paused, footer=False),
    Action("first_nan", ("F",), "first NaN", "Go back to the op that first gave NaN or infinity", _STEP,
           _can_return, footer=False),
    Action("bisect", ("I",), "since when", "Since which sample does a condition hold? Type it", _STEP,
           lambda view: view.sample is not None or view.inside is not None, footer=False, owner="screen"),
    Action("set", ("equals_sign",), "set", "Type what to set: lr 0.001, x.grad *= 0.5, fc1.bias[0] = 0", _WHAT_IF,
           _can_ask, footer=False, shown="=", owner="screen"),
    Action("skip", ("K",), "skip", "Put back what the last update, or sample, has changed", _WHAT_IF,
           _can_return, footer=False, owner="screen"),
    Action("race", ("R",), "race", "Run on with several learning rates side by side", _WHAT_IF,
           _can_return, footer=False, owner="screen"),
    Action("frame_up", ("u",), "caller", "Source: go up the stack, to the caller", _LOOK,
           lambda view: _can_walk(view, 1), footer=False),
    Action("frame_down", ("d",), "called", "Source: go down the stack, to what it called", _LOOK,
           lambda view: _can_walk(view, -1), footer=False),
    Action("explain", ("y",), "why", "Explain Graph's selected row: formula, numbers, chain rule", _LOOK,
           lambda view: view.sample is not None or view.inside is not None, footer=False, owner="screen"),
    Action("check", ("v",), "verify", "Check Graph's selected op: gradient against finite differences", _LOOK,
           _can_ask, footer=False),
    Action("checks", ("V",), "checks", "Check the training: first loss, overfit, zero input, leak", _LOOK,
           lambda view: view.sample is not None or view.inside is not None, footer=False),
    Action("inspect", ("x",), "exact", "Inspect the selected row's tensors in full", _LOOK, _has_numbers),
    Action("breakpoint", ("b", "f9"), "break", "Stop, or no more, at the selected line, op, parameter, sample",
           _STEP, lambda view: view.commands, footer=False),
    Action("breakpoints", ("B",), "breakpoints", "Go to the breakpoints: add, change, turn off, drop", _SCREEN,
           footer=False, owner="screen"),
    Action("watch", ("w",), "watch", "Watch an expression: loss, norm(grad), model.fc1.weight[0]", _LOOK,
           lambda view: view.commands, footer=False),
    Action("watches", ("W",), "watches", "Go to what is watched", _SCREEN, footer=False, owner="screen"),
    Action("reset", ("r",), "reset", "Begin again before the first sample, on a new branch", _STEP,
           lambda view: view.commands and view.status.state != "starting"),
    Action("type", ("i",), "type", "Type into the script's terminal, in Console", _SCREEN,
           lambda view: view.commands and view.status.has_terminal, footer=False, owner="screen"),
    Action("filter", ("slash",), "filter", "Show only parameters like these: attn, *.bias; Esc shows all",
           _SCREEN, _has_several, footer=False, shown="/", owner="screen"),
    Action("sort", ("greater_than_sign",), "sort", "Sort parameters by name, ‖w‖, ‖grad‖, ratio, size, as a tree",
           _SCREEN, _has_several, footer=False, shown=">", owner="screen"),
    Action("turn_order", ("less_than_sign",), "turn order", "Sort parameters the other way round",
           _SCREEN, _has_several, footer=False, shown="<", owner="screen"),
    Action("unfold_all", ("asterisk",), "unfold all", "Unfold all modules of Graph; again: as many as fit",
           _SCREEN, footer=False, shown="*", owner="screen"),
    Action("lesson", ("l",), "lesson", "Show what there is to look at, or leave that: the docstring",
           _SCREEN, footer=False, owner="screen"),
    Action("diagnostics", ("D",), "diagnoses", "Go to Diagnostics: what goes wrong, since when, what to try",
           _SCREEN, footer=False, owner="screen"),
    Action("branches", ("H",), "branches", "Go to the branches: what was set, and what became of it",
           _SCREEN, footer=False, owner="screen"),
    Action("zoom", ("z",), "zoom", "Give the whole screen to one panel, and back", _SCREEN, footer=False,
           owner="screen"),
    Action("next_panel", ("tab",), "next panel", "Go to the next panel", _SCREEN, footer=False, shown="Tab",
           owner="screen"),
    Action("previous_panel", ("shift+tab",), "previous panel", "Go to the panel before", _SCREEN, footer=False,
           shown="Shift+Tab", owner="screen"),
    Action("theme", ("T",), "theme", "Change between dark and light", _SCREEN, footer=False),
    Action("help", ("question_mark", "f1"), "help", "Show all keys", _APP, shown="?"),
    Action("command", ("colon",), "command", "Type a verb: until loss < 0.1, print EXPR, set lr 0.001, help", _APP,
           footer=False, shown=":", owner="screen"),
    Action("palette", ("ctrl+p",), "palette", "Find an action by its name", _APP, footer=False, shown="Ctrl+P"),
    Action("quit", ("q", "ctrl+q"), "quit", "End the training and leave; the recording stays", _APP),
)  # fmt: skip

_INSPECT = "In x, Inspect"

INSPECTING = (
    Action("next_tensor", ("tab",), "next", "Show the next tensor: gradient, update, state", _INSPECT, shown="Tab",
           owner="screen"),
    Action("previous_tensor", ("shift+tab",), "before", "Show the one before", _INSPECT, shown="Shift+Tab",
           owner="screen", footer=False),
    Action("index", ("i",), "index", "Type a slice as NumPy has it: [0, :, 3:9]", _INSPECT, owner="screen"),
    Action("next_slice", ("right_square_bracket",), "slice", "Show the next slice along the leading dimensions",
           _INSPECT, shown="]", owner="screen"),
    Action("previous_slice", ("left_square_bracket",), "slice", "Show the slice before", _INSPECT, shown="[",
           owner="screen", footer=False),
    Action("next_nonfinite", ("N",), "NaN", "Go to the next element that is NaN or infinite", _INSPECT,
           owner="screen"),
    Action("compare", ("d",), "compare", "Show each element, the sample before's, and the difference",
           _INSPECT, owner="screen"),
    Action("copy", ("y",), "copy", "Copy what the grid shows", _INSPECT, owner="screen"),
    Action("write", ("w",), "write", "Write the tensor into a .npy file", _INSPECT, owner="screen"),
    Action("close", ("escape", "x", "q"), "close", "Close Inspect", _INSPECT, shown="Esc", owner="screen"),
)  # fmt: skip
"""What can be done on the screen that shows a tensor."""

BY_ID = {action.id: action for action in ACTIONS}

COUNTED = frozenset(key for action in ACTIONS if action.counts for key in action.keys)
"""Keys that a count may stand before."""
