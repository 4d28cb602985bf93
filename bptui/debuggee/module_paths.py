"""Calls of modules → the paths that people know them by: "model.blocks.3.attn"."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from torch import nn

from bptui.debuggee.module_calls import Call
from bptui.debuggee.names import Names
from bptui.debuggee.submodules import submodules

_Named = dict[int, tuple[nn.Module, str]]
"""Modules and their names, by the module's id, which is its own as long as the module is in here."""


class Path(NamedTuple):
    """Where a call stands.

    Attributes:
        module: The qualified name, "model.blocks.3.attn". If the module is called again inside the same call, and
            both made something, the second one is "model.blocks.3.attn#2".
        types: The class of each part, as far as it is called itself: "GPT..Block.Attention".
    """

    module: str
    types: str


NOWHERE = Path("", "")


class ModulePaths:
    """Names calls; those of the same module are numbered in the order in which they are asked for."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._paths: dict[Call, Path] = {}
        self._counts: Counter[tuple[Call | None, str]] = Counter()
        self._variables: _Named = {}
        self._inside: dict[int, _Named] = {}

    def of(self, call: Call | None) -> Path:
        """The path of a call, empty outside of any module."""
        if call is None:
            return NOWHERE
        if call not in self._paths:
            self._paths[call] = self._path(call)
        return self._paths[call]

    def _path(self, call: Call) -> Path:
        around = self.of(call.around)
        name = self._name(call)
        self._counts[call.around, name] += 1
        count = self._counts[call.around, name]
        module = name if count == 1 else f"{name}#{count}"
        own = Path(module, "." * name.count(".") + call.type)
        return Path(*map(".".join, zip(around, own, strict=True))) if call.around else own

    def _name(self, call: Call) -> str:
        """Its name in the module around it, or among the user's variables; its class if it has none."""
        module = call.module()
        if module is None:  # it was made for this call
            return call.type
        named = self._outermost(module) if call.around is None else self._parts(call.around.module())
        return named[id(module)][1] if id(module) in named else call.type

    def _parts(self, owner: nn.Module | None) -> _Named:
        if owner is None:
            return {}
        if id(owner) not in self._inside:
            self._inside[id(owner)] = {id(part): (part, name) for name, part in submodules(owner)}
        return self._inside[id(owner)]

    def _outermost(self, module: nn.Module) -> _Named:
        """The user's variables that are modules and what they hold, as far as it takes to find this one."""
        variables = self._names.modules() if id(module) not in self._variables else ()
        for variable, held in variables:
            for name, part in self._names.submodules(held):
                self._variables.setdefault(id(part), (part, f"{variable}.{name}" if name else variable))
            if id(module) in self._variables:
                break
        return self._variables
