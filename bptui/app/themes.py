"""The themes that have a short name, and the light one, in which everything can be read."""

from __future__ import annotations

from dataclasses import replace

from textual.theme import BUILTIN_THEMES

THEMES = {"dark": "textual-dark", "light": "textual-light", "ansi": "ansi-dark", "ansi-light": "ansi-light"}
"""Short names of themes; "ansi" uses the terminal's own sixteen colours."""

LIGHT = replace(
    BUILTIN_THEMES["textual-light"],
    warning="#a05800",
    accent="#a05800",
    success="#2c7a44",
    variables={"footer-key-foreground": "#00538f"},
)
"""Textual's own has orange at a contrast of 2.8 to the status line, and 1.9 to the bar at Flow's cursor."""
