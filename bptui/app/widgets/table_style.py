"""How a virtual table looks: its component classes and default CSS."""

from __future__ import annotations

from typing import Final

COMPONENT_CLASSES: Final = {
    "virtual-table--header",
    "virtual-table--cursor",
    "virtual-table--current",
    "virtual-table--rule",
    "virtual-table--muted",
    "virtual-table--warning",
    "virtual-table--error",
}

CSS: Final = """
VirtualTable {
    color: $foreground;
    scrollbar-size-vertical: 1;
    & > .virtual-table--header { color: $text-muted; text-style: bold; }
    & > .virtual-table--cursor { background: $foreground 10%; }
    & > .virtual-table--current { color: $text-accent; text-style: bold; }
    & > .virtual-table--rule { color: $text-accent; text-style: bold; }
    & > .virtual-table--muted { color: $text-muted; }
    & > .virtual-table--warning { color: $text-warning; }
    & > .virtual-table--error { color: $text-error; }
    &:focus > .virtual-table--cursor { background: $primary 30%; color: $text; }
    /* The ANSI themes have no shades: fainter is dim here, and a background is reverse. */
    &:ansi > .virtual-table--header { text-style: bold underline; }
    &:ansi > .virtual-table--cursor { background: $background; text-style: bold; }
    &:ansi > .virtual-table--rule { text-style: bold; }
    &:ansi > .virtual-table--muted { text-style: dim; }
    &:ansi:focus > .virtual-table--cursor { background: $background; text-style: not dim reverse; }
}
"""
