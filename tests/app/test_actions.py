"""The table of actions: it is whole, and what is legal is what makes sense in each state."""

from __future__ import annotations

import pytest

from bptui.app.actions import ACTIONS, BY_ID, INSPECTING
from bptui.app.app import BptuiApp
from bptui.app.panels.breakpoints import BUILT_IN
from bptui.app.screens.help import EXTRA, key_names
from bptui.app.screens.inspect import Inspect
from bptui.app.screens.main import MainScreen
from bptui.app.view import View
from bptui.protocol import Status
from bptui.records import Layout, RecordedSample

IDS = [action.id for action in ACTIONS]
SCREEN = {
    "breakpoints", "branches", "command", "watches", "diagnostics", "lesson", "unfold_all", "zoom", "next_panel",
    "previous_panel", "theme", "help", "palette", "quit",
}  # fmt: skip


def test_every_action_has_a_method_keys_a_label_and_a_help_text() -> None:
    assert len(set(IDS)) == len(IDS)
    for action in ACTIONS:
        owner = BptuiApp if action.owner == "app" else MainScreen
        assert callable(getattr(owner, f"action_{action.id}"))
        assert action.keys
        assert action.label
        assert action.help[0].isupper()
        assert not action.help.endswith(".")


def test_every_action_of_inspect_has_a_method_and_a_line_of_help() -> None:
    for action in INSPECTING:
        assert callable(getattr(Inspect, f"action_{action.id}"))
        assert len(key_names(action)) <= 22 and 24 + len(action.help) <= 86
    shown = [action for action in INSPECTING if action.footer]
    assert sum(len(f"{action.key} {action.label}  ") for action in shown) <= 78
    keys = [key for action in INSPECTING for key in action.keys]
    assert len(set(keys)) == len(keys)


def test_no_key_is_taken_twice() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(set(keys)) == len(keys)
    assert not any(key.isdigit() for key in keys)  # digits are counts and panels


def test_a_line_of_help_fits_its_box() -> None:
    lines = [(key_names(action), action.help) for action in ACTIONS] + list(EXTRA)
    for keys, text in lines:
        assert len(keys) <= 22
        assert 24 + len(text) <= 86


def test_the_keys_of_other_debuggers() -> None:
    for key, action in {"f5": "resume", "f10": "phase", "f11": "op", "space": "step"}.items():
        assert key in BY_ID[action].keys


def test_the_footer_fits_80_columns_in_every_state() -> None:
    for view in (START, FIRST, PAUSED, PAST, RUNNING, PAUSING, OVER, READ, READ_PAST, LOST, PAST_RUNNING):
        shown = [action for action in ACTIONS if action.footer and action.legal(view)]
        cells = sum(len(f" {action.key} {action.label} ") for action in shown)
        assert cells - 1 <= 80  # the last one is blank


def sample(step: int) -> RecordedSample:
    return RecordedSample(0, step, 0, step, Layout({}), {})


def view(state="paused", steps=5, at=None, commands=True, **more) -> View:
    at = steps - 1 if at is None else at
    return View(Status(state, 0, steps, **more), commands, None, 0, steps, sample(at) if steps else None)


START = view("starting", 0)
FIRST = view("paused", 0)
PAUSED = view()
PAST = view(at=2)
PAST_RUNNING = view("running", at=2)
OLDEST = view(at=0)
RUNNING = view("running")
PAUSING = view("running", pausing=True)
OVER = view("finished", exit_code=0)
FAILED = view("failed", exit_code=1)
READ = view("finished", commands=False)
READ_PAST = view("finished", at=2, commands=False)
LOST = view("lost", commands=False)
WATCHED = view("running", commands=False)


@pytest.mark.parametrize(
    ("seen", "legal"),
    [
        (START, {"op", "phase", "step", "epoch"}),
        (FIRST, {"op", "phase", "step", "epoch", "resume", "goto", "reset"}),
        (
            PAUSED,
            {
                "check",
                "set",
                "op",
                "phase",
                "to_row",
                "step",
                "epoch",
                "resume",
                "step_back",
                "epoch_back",
                "bisect",
                "checks",
                "explain",
                "goto",
                "inspect",
                "reset",
            },
        ),
        (
            PAST,
            {
                "step",
                "epoch",
                "resume",
                "step_back",
                "epoch_back",
                "newest",
                "bisect",
                "checks",
                "explain",
                "goto",
                "inspect",
                "reset",
            },
        ),
        (
            OLDEST,
            {"step", "epoch", "resume", "newest", "bisect", "checks", "explain", "goto", "inspect", "reset"},
        ),
        (
            RUNNING,
            {"pause", "step_back", "epoch_back", "bisect", "checks", "explain", "goto", "inspect", "reset"},
        ),
        (
            PAST_RUNNING,
            {
                "step",
                "epoch",
                "pause",
                "step_back",
                "epoch_back",
                "newest",
                "bisect",
                "checks",
                "explain",
                "goto",
                "inspect",
                "reset",
            },
        ),
        (
            PAUSING,
            {"step_back", "epoch_back", "bisect", "checks", "explain", "goto", "inspect", "pause", "reset"},
        ),
        (OVER, {"step_back", "epoch_back", "bisect", "checks", "explain", "goto", "inspect", "reset"}),
        (FAILED, {"step_back", "epoch_back", "bisect", "checks", "explain", "goto", "inspect", "reset"}),
        (READ, {"step_back", "epoch_back", "bisect", "checks", "explain", "goto", "inspect"}),
        (
            READ_PAST,
            {
                "step",
                "epoch",
                "step_back",
                "epoch_back",
                "newest",
                "bisect",
                "checks",
                "explain",
                "goto",
                "inspect",
            },
        ),
        (LOST, {"step_back", "epoch_back", "bisect", "checks", "explain", "goto", "inspect"}),
        (WATCHED, {"step_back", "epoch_back", "bisect", "checks", "explain", "goto", "inspect"}),
    ],
)
def test_legal(seen: View, legal: set[str]) -> None:
    always = {"breakpoint", "watch"} if seen.commands else set()
    assert {action.id for action in ACTIONS if action.legal(seen)} == legal | SCREEN | always


def test_the_keys_of_breakpoints_hide_no_others():
    assert not {key for action in ACTIONS for key in action.keys} & set(BUILT_IN)
