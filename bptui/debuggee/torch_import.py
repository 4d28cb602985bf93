"""Notices when a script imports torch."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType


class TorchFinder(importlib.abc.MetaPathFinder):
    """Calls back before torch is imported, and once it is.

    It stays until then: find_spec("torch") is also how a script asks whether there is a torch at all.
    """

    def __init__(self, before: Callable[[], None], after: Callable[[], None]) -> None:
        self._before = before
        self._after = after

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Torch's own spec, with a loader that calls back; of everything else, nothing."""
        if name != "torch":
            return None
        others = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")]
        spec = next((spec for finder in others if (spec := finder.find_spec(name, path, target))), None)
        if spec is not None and spec.loader is not None:
            calling = self._calling(spec.loader.exec_module)
            spec.loader.exec_module = calling  # type: ignore[method-assign, assignment]
        return spec

    def _calling(self, execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        def exec_module(module: ModuleType) -> None:
            self._before()
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            self._after()

        return exec_module
