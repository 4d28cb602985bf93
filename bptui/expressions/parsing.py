"""Text → expression: every part of it is one of the language's, or there is one line with a caret below."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

from bptui.errors import Misplaced
from bptui.expressions.expression import Expression, Window
from bptui.expressions.language import (
    ATTRIBUTES,
    COLLECTIONS,
    FUNCTIONS,
    INSIDE,
    NAMES,
    WINDOWS,
    WORDS,
    suggestion,
)

LONGEST = 1000
"""Characters that an expression may have."""

_PLAIN = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BinOp, ast.Add,
    ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.FloorDiv, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt,
    ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot, ast.IfExp, ast.Tuple, ast.Load, ast.Slice, ast.Pow,
)  # fmt: skip
"""Parts of Python's grammar that need no second look."""


class BadExpression(Misplaced):
    """It is no expression of the language, or none of Python at all."""


def parse(text: str) -> Expression:
    """An expression.

    Raises:
        BadExpression: It is none.
    """
    if not text.strip():
        raise BadExpression("there is no expression", text, 0)
    if len(text) > LONGEST or "\n" in text:
        raise BadExpression(f"an expression is one line of at most {LONGEST} characters", text[:LONGEST], 0)
    stripped = text.strip()
    try:
        tree = parse_python(stripped)
    except BadExpression as error:
        is_assignment = stripped[error.position : error.position + 1] == "=" or "==" in error.message
        raise BadExpression("use == to compare", stripped, error.position) if is_assignment else error from error
    return _Checked(stripped).expression(tree)


def parse_python(text: str) -> ast.Expression:
    """Any expression of Python; nothing of it is run.

    Raises:
        BadExpression: It is none.
    """
    try:
        return ast.parse(text, mode="eval")
    except SyntaxError as error:
        at = min((error.offset or len(text) + 1) - 1, len(text))  # of an end that came too early it gives 0
        raise BadExpression(error.msg, text, at) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadExpression("it is too deep, or holds what is no text", text, 0) from error


class _Checked(ast.NodeTransformer):
    """Goes through the tree, refuses what is not the language's, and takes the windows out."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._windows: list[Window] = []
        self._names: set[str] = set()
        self._named: set[tuple[str, str]] = set()
        self._called: set[str] = set()

    def expression(self, tree: ast.Expression) -> Expression:
        code = self._compiled(tree.body)
        inside = self._names & INSIDE
        if inside and self._windows:
            self._refuse(tree.body, f"{min(inside)} is of one op, but what came before is counted in samples")
        return Expression(
            self._text, code, tuple(self._windows), frozenset(self._names), frozenset(self._named),
            frozenset(self._called), bool(inside),
        )  # fmt: skip

    def _compiled(self, body: ast.expr) -> Callable[[dict[str, object]], object]:
        # Python's own compiler, of a tree in which nothing is left but what was allowed.
        checked = ast.fix_missing_locations(ast.Expression(self.visit(body)))
        code = compile(checked, "<condition>", "eval")
        return lambda values: eval(code, {"__builtins__": {}}, values)

    def _refuse(self, node: ast.AST, why: str) -> None:
        offset = getattr(node, "col_offset", 0)
        characters = self._text.encode()[:offset].decode(errors="ignore")  # Python counts bytes
        raise BadExpression(why, self._text, len(characters))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, _PLAIN):
            self._refuse(node, f"{type(node).__name__.lower()} is nothing that a condition can hold")
        return super().generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        for each in (node.left, node.right):
            if isinstance(each, ast.Constant) and not isinstance(each.value, int | float):
                self._refuse(each, "one can not calculate with a text")
        if isinstance(node.op, ast.Pow):  # of whole numbers it may take for ever
            return ast.copy_location(ast.Call(ast.Name("_power", ast.Load()), [node.left, node.right], []), node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, int | float | str | None):
            self._refuse(node, f"{node.value!r} is no number and no text")
        if isinstance(node.value, int) and abs(node.value) >= 2**63:
            self._refuse(node, "a whole number is below 2⁶³ here")
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in NAMES:
            self._names.add(node.id)
        elif node.id in FUNCTIONS or node.id in WINDOWS:
            self._refuse(node, f"{node.id} is a function: {node.id}(…)")
        elif node.id not in ("inf", "nan"):
            self._refuse(node, f"nothing is called {node.id!r}{suggestion(node.id, WORDS)}")
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr not in ATTRIBUTES:
            near = suggestion(node.attr, ATTRIBUTES)
            self._refuse(node, f"there is no .{node.attr}{near or ', but ' + ', '.join(sorted(ATTRIBUTES))}")
        node.value = self.visit(node.value)
        if node.attr == "norm":  # of a tensor it would be a method
            return ast.copy_location(ast.Call(ast.Name("norm", ast.Load()), [node.value], []), node)
        return ast.copy_location(ast.Call(ast.Name(f"_{node.attr}", ast.Load()), [node.value], []), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        node.value, node.slice = self.visit(node.value), self.visit(node.slice)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            self._refuse(node, "arguments have no names here")
        self._called.add(name)
        if name in COLLECTIONS:
            return self._one_parameter(node, name)
        if name in WINDOWS and (name != "mean" or len(node.args) > 1):
            return self._window(node, name)
        if name not in FUNCTIONS:
            known = (*FUNCTIONS, *WINDOWS, *COLLECTIONS)
            self._refuse(node, f"no function is called {name or 'that'!r}{suggestion(name, known)}")
        if not node.args:
            self._refuse(node, f"{name}(…) needs something: {FUNCTIONS[name][1]}")
        node.args = [self.visit(each) for each in node.args]
        return node

    def _one_parameter(self, node: ast.Call, name: str) -> ast.AST:
        argument = node.args[0] if len(node.args) == 1 else None
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            self._refuse(node, f'{name}(…) needs the name of a parameter: {name}("fc1.weight")')
            raise AssertionError
        self._names.add(name)
        self._named.add((name, argument.value))
        return node

    def _window(self, node: ast.Call, name: str) -> ast.AST:
        length = 1
        if name == "mean" or len(node.args) > 1:
            count = node.args[1] if len(node.args) == 2 else None
            if not isinstance(count, ast.Constant) or type(count.value) is not int or count.value < 1:
                self._refuse(node, WINDOWS[name])
                raise AssertionError
            length = count.value
        if not 0 < len(node.args) < 3 or length > 100_000:
            self._refuse(node, WINDOWS[name])
        inner = node.args[0]
        if name == "unchanged":
            if not (isinstance(inner, ast.Name) and inner.id == "param"):
                self._refuse(node, WINDOWS[name])
            self._names.add(name)
        first = len(self._windows)
        compiled = operator.itemgetter(name) if name == "unchanged" else self._compiled(inner)
        key = f"_window{len(self._windows)}"
        parts = tuple(each.key for each in self._windows[first:])
        self._windows.append(Window(key, name, length, compiled, parts))
        return ast.copy_location(ast.Name(key, ast.Load()), node)
