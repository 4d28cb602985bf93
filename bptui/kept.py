"""What is kept of a target from run to run, in the user's state directory: its breakpoints."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from bptui import paths
from bptui.errors import BptuiError
from bptui.protocol import from_json, to_json
from bptui.records import Breakpoint


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one target.

    Attributes:
        target: Which one.
        breakpoints: Where it stops.
        watches: What is watched.
    """

    target: str
    breakpoints: tuple[Breakpoint, ...] = ()
    watches: tuple[str, ...] = ()


def path_of(target: str, is_script: bool) -> Path:
    """The file for a target; a script is known by where it lies."""
    key = str(Path(target).resolve()) if is_script else target
    return paths.kept() / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def load(path: Path) -> Kept:
    """What was kept there; nothing, if there is nothing that can be read."""
    try:
        return from_json(Kept, path.read_text())
    except (OSError, UnicodeDecodeError, BptuiError):
        return Kept("")


def save(path: Path, kept: Kept) -> None:
    """Keep it, as far as there is a place for it."""
    lasting = tuple(replace(each, ignore=0) for each in kept.breakpoints if not each.is_temporary)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".new")
        unfinished.write_text(to_json(replace(kept, breakpoints=lasting)))
        unfinished.replace(path)
