"""What becomes of torch.compile in a script: code that is compiled can not be stepped."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

EAGER = "torch.compile is left out: compiled code can not be stepped; --keep-compile keeps it"
KEPT = "torch.compile compiles: of its code no ops are traced"


def notice_compile(on_compile: Callable[[], None]) -> None:
    """Have this called whenever the script asks for something to be compiled, before it is."""
    compile_ = torch.compile

    @functools.wraps(compile_)
    def noticed(*args: Any, **kwargs: Any) -> Any:
        on_compile()
        return compile_(*args, **kwargs)

    torch.compile = noticed


def force_eager() -> None:
    """Leave all ops as they are, whatever is to be compiled."""
    torch.compiler.set_stance("force_eager")


def stay_uncompiled() -> None:
    """Have the compiler pass over our own code, wherever it is called between the user's."""
    from torch._dynamo import trace_rules

    trace_rules.add("bptui")


def not_compiled(hook: Callable[..., None]) -> Callable[..., None]:
    """A hook that does nothing while the compiler traces the code around it."""

    def inert(*args: Any) -> None:
        if not torch.compiler.is_compiling():
            hook(*args)

    return inert
