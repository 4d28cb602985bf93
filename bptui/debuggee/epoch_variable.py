"""The variable in which a program counts its epochs, and that in which a trainer keeps how long they are."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType, FrameType

from bptui.debuggee.samples import LARGEST_COUNT
from bptui.debuggee.user_loops import is_own, package_of

NAME = "epoch"

_HOLDERS = ("self", "trainer", "state")
_NUMBER = (NAME, "current_epoch")
_LENGTH = ("num_training_batches",)
"""Lightning's, which takes fewer batches than there are if `limit_train_batches` says so."""


@dataclass(frozen=True, slots=True)
class EpochVariable:
    """Where a number stands.

    Attributes:
        code: The function of its frame.
        name: A local variable.
        attribute: Of that variable; empty if it is the number itself.
    """

    code: CodeType
    name: str
    attribute: str = ""

    def read(self, frame: FrameType) -> int | None:
        """Its value, from the nearest frame of that function at or around `frame`."""
        each: FrameType | None = frame
        while each is not None and each.f_code is not self.code:
            each = each.f_back
        return None if each is None else as_epoch(_value(each, self.name, self.attribute))

    def __str__(self) -> str:
        what = f"{self.name}.{self.attribute}" if self.attribute else self.name
        where = "" if self.code.co_name == "<module>" else f" in {self.code.co_name}()"
        return f"variable {what}{where} of {package_of(self.code.co_filename)}"


def find(frame: FrameType) -> EpochVariable | None:
    """The number of the epoch, in the frame or the nearest around it that has one, a trainer's included."""
    return _nearest(frame, NAME, _NUMBER)


def find_length(frame: FrameType) -> EpochVariable | None:
    """The number of batches that a trainer takes in an epoch, if it keeps that."""
    return _nearest(frame, "", _LENGTH)


def _nearest(frame: FrameType, variable: str, attributes: Sequence[str]) -> EpochVariable | None:
    each: FrameType | None = frame
    while each is not None:
        for name, attribute in _places(each, variable, attributes):
            if as_epoch(_value(each, name, attribute)) is not None:
                return EpochVariable(each.f_code, name, attribute)
        each = each.f_back
    return None


def as_epoch(value: object) -> int | None:
    """The number if it can be that of an epoch."""
    return value if type(value) is int and 0 <= value < LARGEST_COUNT else None


def _places(frame: FrameType, variable: str, attributes: Sequence[str]) -> list[tuple[str, str]]:
    code = frame.f_code
    held = (
        frame.f_locals if code.co_name == "<module>" else {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    )
    names = [(variable, "")] if variable in held else []
    return names + [(name, attribute) for name in _HOLDERS if name in held for attribute in attributes]


def _value(frame: FrameType, name: str, attribute: str) -> object:
    value = frame.f_locals.get(name)
    if not attribute or value is None:
        return value
    static = inspect.getattr_static(value, attribute, None)
    if isinstance(static, property):
        # A trainer's may be asked; one of the user's must not run for our curiosity.
        code = getattr(static.fget, "__code__", None)
        return None if code is None or is_own(code.co_filename) else getattr(value, attribute)
    return static
