"""Which modules are being called, one inside the other, while a sample is traced."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch._C._autograd import _get_sequence_nr
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

_HAS_HOOKS = "_has_any_global_hook"


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call of a module that is going on, or was.

    Attributes:
        module: The module, as long as its owner keeps it.
        type: The name of its class.
        around: The call inside which it was called.
        first: The sequence number of the first autograd node that can have been made in it.
    """

    module: weakref.ref[nn.Module]
    type: str
    around: Call | None
    first: int


class ModuleCalls:
    """Follows the calls of all modules in the thread that began it.

    A call is a link to the one around it, so a call whose end was not heard (an interrupt, hooks that came too
    late) is gone when the one around it ends. Not heard are modules whose `forward` is called directly, or whose
    class overrides `__call__`.

    Attributes:
        current: The innermost call that is going on.
    """

    def __init__(self, on_passing: Callable[[Any], object]) -> None:
        """Follow nothing yet.

        Args:
            on_passing: Given what goes into each call, and what comes out, None after an error; each while
                `current` is the call in which it was made.
        """
        self.current: Call | None = None
        self._on_passing = on_passing
        self._thread = 0
        self._handles: tuple[RemovableHandle, ...] = ()
        self._has_hooks: Callable[[], Any]

    def begin(self) -> None:
        """Listen from now on, outside of any module."""
        # Only while a sample is traced: they cost 1.6 µs a call, and under them torch.compile compiles anew.
        self.end()
        self._thread = threading.get_ident()
        self._has_hooks = getattr(nn.modules.module, _HAS_HOOKS)
        had = self._has_hooks()
        setattr(nn.modules.module, _HAS_HOOKS, lambda: had)  # ours are nothing that torch.compile has to warn of
        self._handles = (
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        )

    def end(self) -> None:
        """Listen no more."""
        self.current = None
        if self._handles:
            setattr(nn.modules.module, _HAS_HOOKS, self._has_hooks)
        for handle in self._handles:
            handle.remove()
        self._handles = ()

    def _is_heard(self) -> bool:
        return not torch.compiler.is_compiling() and threading.get_ident() == self._thread

    def _enter(self, module: nn.Module, args: object) -> None:
        if self._is_heard():
            self._pass(args)
            self.current = Call(weakref.ref(module), type(module).__name__, self.current, _get_sequence_nr())

    def _leave(self, module: nn.Module, args: object, output: Any) -> None:
        if not self._is_heard():
            return
        call = self.current
        while call is not None and call.module() is not module:
            call = call.around
        if call is not None:
            self.current = call
            self._pass(output)
            self.current = call.around

    def _pass(self, values: Any) -> None:
        with contextlib.suppress(Exception):  # it may be anything of the user's: a proxy of something dead raises
            self._on_passing(values)
