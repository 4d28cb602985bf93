"""The object that a path means in some variables: "weight", "model.fc1.weight", "params[0]", "model.0.bias"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bptui.expressions import suggestion

_PART = re.compile(r"\.?([^.\[\]]+)|\[([^\]]+)\]")


class NotThere(Exception):
    """The path leads nowhere; the text says from where on."""


def look_up(path: str, scope: Mapping[str, Any]) -> Any:
    """The object at a path, as panels write it; a module's parts may be numbers.

    Raises:
        NotThere: There is nothing.
    """
    parts = [found[1] or found[2] for found in _PART.finditer(path)]
    if not parts or parts[0] not in scope:
        raise NotThere(f"no variable is called {parts[0] if parts else path!r}{suggestion(path, scope)}")
    value = scope[parts[0]]
    for part in parts[1:]:
        try:
            value = _part(value, part)
        except (AttributeError, LookupError, TypeError) as error:
            raise NotThere(f"{path!r} leads nowhere: there is no {part}") from error
    return value


def _part(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value[int(part) if part.isdecimal() else part.strip("'\"")]
    if isinstance(value, list | tuple):
        return value[int(part)]
    return getattr(value, part)
