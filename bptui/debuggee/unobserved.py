"""Our own arithmetic, beside the training's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import _disable_current_modes

# Entered for the first time it imports a module; at the end of a script, that would make the interpreter forget
# that Ctrl-C has ended it, and with that the exit code.
with _disable_current_modes():
    pass


@contextmanager
def unobserved() -> Iterator[None]:
    """Whatever is computed in here is seen by none of the script's modes, and leaves no history."""
    with torch._C.DisableTorchFunction(), _disable_current_modes(), torch.no_grad():
        yield
