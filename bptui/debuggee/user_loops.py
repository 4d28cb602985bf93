"""The loops of the user's code around a call: which of them is the sample's, which the epoch's."""

from __future__ import annotations

import ast
import functools
import linecache
import site
import sysconfig
from dataclasses import dataclass
from types import CodeType, FrameType

from bptui.debuggee.places import is_user

_INSTALLED = tuple({*site.getsitepackages(), *(sysconfig.get_paths()[key] for key in ("purelib", "platlib"))})


@dataclass(frozen=True, slots=True)
class UserLoop:
    """A loop of the user's code.

    Attributes:
        code: The function, or module, that it stands in.
        lines: The lines at which an iteration begins: its header and the first line of its body.
        target: The name of a `for` loop's variable, empty for a `while` or a tuple.
    """

    code: CodeType
    lines: frozenset[int]
    target: str

    @property
    def header(self) -> int:
        """The line of the `for` or `while`."""
        return min(self.lines)


Loops = list[tuple[FrameType, UserLoop]]


def loops_around(frame: FrameType | None) -> Loops:
    """The loops that are being run from this frame outward, the innermost first, each with its frame."""
    found: Loops = []
    while frame is not None:
        if is_own(frame.f_code.co_filename):
            found += [(frame, loop) for loop in _loops_of(frame.f_code, frame.f_lineno)]
        frame = frame.f_back
    return found


def is_own(path: str) -> bool:
    """Whether a file is the user's own code, and no installed package."""
    return is_user(path) and not path.startswith(_INSTALLED)


@functools.lru_cache(maxsize=4096)
def _loops_of(code: CodeType, line: int) -> tuple[UserLoop, ...]:
    """The loops of a function whose body holds a line, the innermost first."""
    loops = [
        UserLoop(code, frozenset({node.lineno, node.body[0].lineno}), _target(node))
        for node in _loops_in(code)
        if node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0)
    ]
    return tuple(sorted(loops, key=lambda loop: -loop.header))


@functools.lru_cache(maxsize=1024)
def _loops_in(code: CodeType) -> tuple[ast.For | ast.While | ast.AsyncFor, ...]:
    """The loops of one function or module, without those of functions inside it."""
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except (SyntaxError, ValueError):  # another program's notebook cell, generated code
        return ()
    scope = tree if code.co_name == "<module>" else _function(tree, code)
    return tuple(_own_loops(scope)) if scope is not None else ()


def _function(tree: ast.Module, code: CodeType) -> ast.AST | None:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if node.name == code.co_name and first == code.co_firstlineno:
                return node
    return None


def _own_loops(scope: ast.AST) -> list[ast.For | ast.While | ast.AsyncFor]:
    loops: list[ast.For | ast.While | ast.AsyncFor] = []
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(child, ast.For | ast.While | ast.AsyncFor):
            loops.append(child)
        loops += _own_loops(child)
    return loops


def _target(loop: ast.For | ast.While | ast.AsyncFor) -> str:
    return loop.target.id if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name) else ""
