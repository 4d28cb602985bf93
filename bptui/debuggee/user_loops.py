"""The loops of the user's code around a call: which of them is the sample's, which the epoch's."""

from __future__ import annotations

import ast
import dis
import linecache
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from types import CodeType, FrameType
from typing import NamedTuple

from bptui.debuggee.places import is_user

_INSTALLED = re.compile(rf".*{re.escape(os.sep)}(?:site|dist)-packages{re.escape(os.sep)}")
"""Up to where a path says that it is of an installed package, in whatever environment."""

_Node = ast.For | ast.While | ast.AsyncFor
_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


@dataclass(frozen=True, slots=True, eq=False)
class UserLoop:
    """A loop of the user's code.

    Attributes:
        path: Its file.
        header: The line of its `for` or `while`.
        body: The line at which its body begins; the header's own if all stands on one line.
        end: Its last line, that of an `else` not included.
        target: The name of a `for` loop's variable, empty for a `while` or a tuple.
        over: What a `for` loop iterates over.
        detours: The first and last lines of what an iteration may pass by; of all if it may break or continue.
    """

    path: str
    header: int
    body: int
    end: int
    target: str
    over: ast.expr | None = None
    detours: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        return f"the loop at {PurePath(self.path).name}:{self.header}"

    def is_always_at(self, line: int) -> bool:
        """Whether every iteration passes this line of its body."""
        return not any(first <= line <= last for first, last in self.detours)


Loops = list[tuple[FrameType, UserLoop]]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Where in the user's code a backward pass was called from: what is the same each time it is.

    Attributes:
        codes: Of the calls, the innermost first; kept so that no id is used twice.
        instructions: At which of its instructions each of them has called on.
        own: Which of them is the nearest of the user's own code.
        line: Its line.
        path: Its file.
        loops: The user's loops that are being run from there outward, the innermost first, each with its call.
        loop_line: The line of the innermost of them from which it was called, 0 if there is none.
        beyond: Those of them in which no sample can be an iteration, as they only run somebody else's loop.
        trainer: The package whose loop that is, empty if there is none.
    """

    codes: tuple[CodeType, ...]
    instructions: tuple[int, ...]
    own: int
    line: int
    path: str
    loops: tuple[tuple[int, UserLoop], ...]
    loop_line: int
    beyond: tuple[tuple[int, UserLoop], ...]
    trainer: str


class Around(NamedTuple):
    """What stands around a backward pass.

    Attributes:
        site: What it shares with all others that were called from there.
        frame: The nearest frame of the user's own code.
        loops: As those of the site, each with its frame.
        beyond: Likewise.
    """

    site: Site
    frame: FrameType
    loops: Loops
    beyond: Loops


class _Place(NamedTuple):
    """An instruction that has called on.

    Attributes:
        code: Its code, kept so that no id is used twice.
        line: Its line, 0 if it is not the user's own.
        loops: The user's loops around it.
        trainer: The installed package in one of whose loops it stands, empty if it does not.
    """

    code: CodeType
    line: int
    loops: tuple[UserLoop, ...]
    trainer: str


_sites: dict[tuple[int, ...], Site] = {}
_outermost: FrameType | None = None
_places: dict[tuple[int, int], _Place] = {}
_loops: dict[int, tuple[CodeType, list[UserLoop]]] = {}
"""All loops of a code, by its id."""


def look_around(frame: FrameType) -> Around:
    """Where the user's code has called on."""
    frames: list[FrameType] = []
    key: list[int] = []
    each: FrameType | None = frame
    while each is not None:
        frames.append(each)
        key += id(each.f_code), each.f_lasti
        # What has called the main module is the same for as long as that runs.
        each = each.f_back if each is not _outermost else None
    site = _sites.get(tuple(key))
    if site is None:
        site = _sites[tuple(key)] = _site(frames)
    loops = [(frames[call], loop) for call, loop in site.loops]
    beyond = [(frames[call], loop) for call, loop in site.beyond] if site.beyond else []
    return Around(site, frames[site.own], loops, beyond)


def _site(frames: list[FrameType]) -> Site:
    places = [_places.get((id(each.f_code), each.f_lasti)) or _learn(each) for each in frames]
    own = [call for call, place in enumerate(places) if place.line]
    _note_outermost(frames, places)
    # Loops that stand around a trainer's are not those of its samples, but a trainer around the user's own loop is
    # passed by.
    first = next((call for call, place in enumerate(places) if place.loops or place.trainer), len(places))
    trainer = places[first].trainer if first < len(places) else ""
    loops = tuple((call, loop) for call in own for loop in places[call].loops)
    nearest = own[0] if own else 0
    return Site(
        codes=tuple(each.f_code for each in frames),
        instructions=tuple(each.f_lasti for each in frames),
        own=nearest,
        line=places[nearest].line or frames[0].f_lineno,
        path=frames[nearest].f_code.co_filename,
        loops=() if trainer else loops,
        loop_line=places[loops[0][0]].line if loops else 0,
        beyond=loops if trainer else (),
        trainer=trainer,
    )


def _note_outermost(frames: list[FrameType], places: list[_Place]) -> None:
    """The main module's frame, if whatever has called that has no part in the training."""
    global _outermost
    for call, each in enumerate(frames):
        if each.f_globals is vars(sys.modules["__main__"]) and each.f_code.co_name == "<module>":
            is_all = not any(place.line or place.trainer for place in places[call + 1 :])
            _outermost = each if is_all else None


def frames_around(frame: FrameType) -> list[FrameType]:
    """Where things have names: the user's own frames, the innermost first, then a trainer's, its entry first."""
    own: list[FrameType] = []
    installed: list[FrameType] = []
    each: FrameType | None = frame
    while each is not None:
        path = each.f_code.co_filename
        if is_user(path):
            (own if is_own(path) else installed).append(each)
        each = each.f_back
    return own + installed[::-1]


def is_own(path: str) -> bool:
    """Whether a file is the user's own code, and no installed package."""
    return is_user(path) and not _INSTALLED.match(path)


def _learn(frame: FrameType) -> _Place:
    code, path = frame.f_code, frame.f_code.co_filename
    if is_own(path):
        line = frame.f_lineno or 0
        place = _Place(code, line, _loops_of(code, line), "")
    else:
        is_trainer = is_user(path) and _repeats(code, frame.f_lasti)
        place = _Place(code, 0, (), package_of(path) if is_trainer else "")
    _places[id(code), frame.f_lasti] = place
    return place


def package_of(path: str) -> str:
    """The installed package that a file belongs to, of another file its name."""
    installed = _INSTALLED.match(path)
    return PurePath(path[installed.end() :]).parts[0].removesuffix(".py") if installed else PurePath(path).name


def _repeats(code: CodeType, instruction: int) -> bool:
    """Whether an instruction is within a loop: behind it is a jump back to before it."""
    return any(
        jump.argval <= instruction < jump.offset
        for jump in dis.get_instructions(code)
        # NO_INTERRUPT is how `await` and `yield from` wait.
        if "JUMP_BACKWARD" in jump.opname and "NO_INTERRUPT" not in jump.opname
    )


def _loops_of(code: CodeType, line: int) -> tuple[UserLoop, ...]:
    """The loops of a function whose body holds a line, the innermost first."""
    if id(code) not in _loops:
        _loops[id(code)] = (code, [_loop(code, node) for node in _loops_in(code)])
    around = [loop for loop in _loops[id(code)][1] if loop.body <= line <= loop.end]
    return tuple(sorted(around, key=lambda loop: -loop.header))


def _loop(code: CodeType, node: _Node) -> UserLoop:
    target = node.target.id if isinstance(node, ast.For) and isinstance(node.target, ast.Name) else ""
    end = node.body[-1].end_lineno or node.lineno
    over = node.iter if isinstance(node, ast.For) else None
    detours = tuple(_detours(node.body, (node.lineno, end)))
    return UserLoop(code.co_filename, node.lineno, node.body[0].lineno, end, target, over, detours)


def _detours(body: Iterable[ast.AST], whole: tuple[int, int], inner: bool = False) -> Iterator[tuple[int, int]]:
    """The lines of a loop's body that not every iteration passes."""
    for each in body:
        if isinstance(each, _SCOPES):
            continue
        if isinstance(each, ast.Return) or (isinstance(each, ast.Break | ast.Continue) and not inner):
            yield whole
        elif isinstance(each, ast.If | ast.Match | ast.Try):
            yield each.lineno, each.end_lineno or each.lineno
        yield from _detours(ast.iter_child_nodes(each), whole, inner or isinstance(each, _Node))


def _loops_in(code: CodeType) -> list[_Node]:
    """The loops of one function or module, without those of functions inside it."""
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except (SyntaxError, ValueError):  # another program's notebook cell, generated code
        return []
    scope = tree if code.co_name == "<module>" else _function(tree, code)
    return _own_loops(scope) if scope is not None else []


def _function(tree: ast.Module, code: CodeType) -> ast.AST | None:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if node.name == code.co_name and first == code.co_firstlineno:
                return node
    return None


def _own_loops(scope: ast.AST) -> list[_Node]:
    loops: list[_Node] = []
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, _SCOPES):
            continue
        if isinstance(child, _Node):
            loops.append(child)
        loops += _own_loops(child)
    return loops
