"""The loops of the user's code around a call: which of them is the sample's, which the epoch's."""

from __future__ import annotations

import ast
import dis
import linecache
import site
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from types import CodeType, FrameType
from typing import NamedTuple

from bptui.debuggee.places import is_user

_INSTALLED = tuple({*site.getsitepackages(), *(sysconfig.get_paths()[key] for key in ("purelib", "platlib"))})

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

    def begins_at(self, line: int) -> bool:
        """Whether an iteration begins at this line: a header may have several."""
        return line == self.header or self.header < line < self.body


Loops = list[tuple[FrameType, UserLoop]]


class Around(NamedTuple):
    """What stands around a backward pass.

    Attributes:
        frame: The nearest frame of the user's own code.
        line: Its line.
        loops: The user's loops that are being run from there outward, the innermost first, each with its frame.
        beyond: Those of them in which no sample can be an iteration, as they only run somebody else's loop.
        trainer: The package whose loop that is, empty if there is none.
    """

    frame: FrameType
    line: int
    loops: Loops
    beyond: Loops
    trainer: str


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


_places: dict[tuple[int, int], _Place] = {}
_loops: dict[int, tuple[CodeType, list[UserLoop]]] = {}
"""All loops of a code, by its id."""


def look_around(frame: FrameType) -> Around:
    """Where the user's code has called on."""
    own: FrameType | None = None
    own_line, trainer = 0, ""
    loops: Loops = []
    beyond: Loops = []
    each: FrameType | None = frame
    while each is not None:
        code, instruction = each.f_code, each.f_lasti
        place = _places.get((id(code), instruction)) or _learn(each)
        if place.line:
            if own is None:
                own, own_line = each, place.line
            (beyond if trainer else loops).extend([(each, loop) for loop in place.loops])
        elif place.trainer and not loops:
            trainer = place.trainer
        each = each.f_back
    return Around(own or frame, own_line or frame.f_lineno, loops, beyond, trainer)


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
    return is_user(path) and not path.startswith(_INSTALLED)


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
    root = next((root for root in _INSTALLED if path.startswith(root)), "")
    return PurePath(path).relative_to(root).parts[0].removesuffix(".py") if root else PurePath(path).name


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
