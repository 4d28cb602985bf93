"""What of our frames is seen: nothing."""

from __future__ import annotations

import sys
import warnings

import pytest

from bptui.debuggee.own_frames import OURS, unseen


def warn(level: int) -> None:
    warnings.warn("beware", stacklevel=level)


def below(level: int) -> None:
    warn(level)


def test_a_warning_names_the_line_that_it_would_name_without_us() -> None:
    scope = {"below": below}
    exec(compile("def between(level):\n    below(level)\n", f"{OURS}/hooks.py", "exec"), scope)
    between = unseen(scope["between"])
    for level in (1, 2, 3):
        with pytest.warns(UserWarning, match="beware") as bare:
            below(level)
        with pytest.warns(UserWarning, match="beware") as traced:
            line = sys._getframe().f_lineno + 1
            between(level)
        assert traced[0].filename == bare[0].filename == __file__
        assert traced[0].lineno == (line if level == 3 else bare[0].lineno)
    assert between.__code__.co_filename.startswith(OURS)  # tracebacks are rid of it as before
