"""The numbers that rules go by: a published preset, and what the user sets otherwise."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import platformdirs

from bptui.errors import BptuiError

PRESETS = ("relative", "smdebug", "mindspore", "thedeepchecker")
"""The first is the default, and has all rules and all keys."""

Limits = Mapping[str, Mapping[str, float]]
"""By the name of a rule the values of its keys, true and false as 1 and 0."""


def user_file() -> Path:
    """Where the user's own numbers may lie."""
    return platformdirs.user_config_path("bptui") / "diagnostics.toml"


def read_limits(preset: str = "", path: Path | None = None) -> Limits:
    """The numbers of a preset, and over them those of a file.

    Args:
        preset: Its name; empty for the one that the file names by `preset = "…"`, else the default.
        path: The file; None for the user's own, if there is one.

    Raises:
        BptuiError: The file can not be read, or has unknown names or values of the wrong kind.
    """
    if path is None:
        path = user_file() if user_file().is_file() else None
    own = _parsed(path) if path is not None else {}
    named = own.pop("preset", PRESETS[0])
    preset = preset or named
    if preset not in PRESETS:
        where = f"{path}: " if preset == named else ""
        raise BptuiError(f"{where}unknown preset {preset!r}{_nearest(str(preset), PRESETS)}")
    limits = {rule: dict(table) for rule, table in _packaged(PRESETS[0]).items()}
    if preset != PRESETS[0]:
        _lay_over(limits, _packaged(preset), preset)
    if path is not None:
        _lay_over(limits, own, str(path))
    return limits


def _packaged(preset: str) -> dict[str, Any]:
    return tomllib.loads((files("bptui.diagnostics") / "presets" / f"{preset}.toml").read_text())


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BptuiError(f"can not read the rules of {path}: {why}") from error


def _lay_over(limits: dict[str, dict[str, float]], own: Mapping[str, Any], where: str) -> None:
    for rule, table in own.items():
        if rule not in limits:
            raise BptuiError(f"{where}: unknown rule {rule!r}{_nearest(rule, limits)}")
        if not isinstance(table, dict):
            raise BptuiError(f"{where}: {rule} is a table: write [{rule}] and its keys below it")
        for key, value in table.items():
            if key not in limits[rule]:
                raise BptuiError(f"{where}: unknown key {key!r} in [{rule}]{_nearest(key, limits[rule])}")
            limits[rule][key] = _number(value, limits[rule][key], f"{where}: {key} in [{rule}]")


def _number(value: Any, known: float, what: str) -> float:
    """A value of the kind that is known of its key: true or false, or a number from 0."""
    if isinstance(known, bool) != isinstance(value, bool) or not isinstance(value, int | float):
        kind = "true or false" if isinstance(known, bool) else "a number"
        raise BptuiError(f"{what} must be {kind}, not {value!r}")
    if not value >= 0:
        raise BptuiError(f"{what} must not be {value!r}: numbers are from 0")
    is_count = what.partition(": ")[2].split()[0] in ("steps", "window", "within", "alone")
    if is_count and (value < 1 or value != int(value) or value > 100_000):
        raise BptuiError(f"{what} must be a whole number from 1 to 100000, not {value!r}")
    return value


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
