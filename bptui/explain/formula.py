"""Formulas that are read, computed and written down from one text, so that what is shown is what was computed.

A formula is a Python expression over symbols: "g * n * a ** (n - 1)" is shown as g · n·aⁿ⁻¹, computed with
tensors, and shown again with numbers in the place of the symbols: −10.8192 · 2·(−5.4096).
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping
from typing import Any

from bptui.explain.text import MINUS, bracketed, number, raised

SPELLED = {"sqrt": "√", "convT": "convᵀ"}
"""Names that mathematics spells otherwise than Python."""

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly a piece of a formula holds together."""

_OPERATORS: dict[type, tuple[str, int]] = {
    ast.Add: (" + ", SUM), ast.Sub: (" − ", SUM),
    ast.Mult: ("·", PRODUCT), ast.Div: ("/", PRODUCT), ast.MatMult: ("·", PRODUCT),
}  # fmt: skip
_COMPARISONS = {ast.Gt: ">", ast.GtE: "≥", ast.Lt: "<", ast.LtE: "≤", ast.Eq: "=", ast.NotEq: "≠"}

Leaf = Callable[["Formula", Any], str | None]
"""Writes a piece of a formula, or leaves it to its parts by None."""

Piece = tuple[str, int]


def _in_symbols(piece: Formula, _: Any) -> str | None:
    return None if piece.is_call else piece.name


class Formula:
    """An expression, or a piece of one.

    Attributes:
        tree: Its syntax.
    """

    def __init__(self, tree: ast.expr) -> None:
        self.tree = tree

    @property
    def name(self) -> str:
        """The symbol, or the function that is called; empty if it is neither."""
        node = self.tree.func if isinstance(self.tree, ast.Call) else self.tree
        return node.id if isinstance(node, ast.Name) else ""

    @property
    def is_call(self) -> bool:
        """Whether it is the call of a function."""
        return isinstance(self.tree, ast.Call)

    @property
    def is_comparison(self) -> bool:
        """Whether it is one or zero."""
        return isinstance(self.tree, ast.Compare)

    @property
    def names(self) -> set[str]:
        """Every symbol and function in it."""
        return {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}

    @property
    def has_matrices(self) -> bool:
        """Whether matrices are multiplied in it."""
        return any(isinstance(node, ast.MatMult) for node in ast.walk(self.tree))

    def value(self, names: Mapping[str, Any]) -> Any:
        """What it comes to."""
        code = compile(ast.Expression(self.tree), "<formula>", "eval")
        return eval(code, {"__builtins__": {}}, names)

    def text(self, leaf: Leaf = _in_symbols, names: Mapping[str, Any] | None = None) -> str:
        """The formula as mathematics writes it, in symbols or in what `leaf` puts in their place."""
        return _Writer(leaf, names).write(self.tree)[0]

    def factor(self, leaf: Leaf, names: Mapping[str, Any]) -> str:
        """The same, so that it can stand in a product: a sum gets brackets."""
        text, holds = _Writer(leaf, names).write(self.tree)
        return f"({text})" if holds == SUM and not text.startswith(MINUS) else text


@functools.cache
def formula(text: str) -> Formula:
    """The formula of a text."""
    return Formula(ast.parse(text, mode="eval").body)


class _Writer:
    """Writes syntax as text, with no more brackets than are needed."""

    def __init__(self, leaf: Leaf, names: Mapping[str, Any] | None) -> None:
        self._leaf = leaf
        self._names = names
        self._within = 0

    def write(self, node: ast.expr) -> Piece:
        piece = Formula(node)
        text = self._leaf(piece, self._names) if piece.name or piece.is_comparison else None
        if text:
            return text, ATOM
        match node:
            case ast.Constant():
                return number(node.value), ATOM  # type: ignore[arg-type]
            case ast.UnaryOp():
                return f"−{self._inside(node.operand, PRODUCT)}", SUM
            case ast.Compare():
                sign = _COMPARISONS[type(node.ops[0])]
                return f"[{self.write(node.left)[0]} {sign} {self.write(node.comparators[0])[0]}]", ATOM
            case ast.Call():
                return self._call(piece.name, node.args)
            case ast.BinOp(op=ast.Pow()):
                return self._power(node)
            case ast.BinOp():
                return self._operation(node)
        raise ValueError(f"no way to write {ast.unparse(node)}")

    def _inside(self, node: ast.expr, least: int) -> str:
        text, holds = self.write(node)
        return bracketed(text) if holds >= least else f"({text})"

    def _call(self, name: str, args: list[ast.expr]) -> Piece:
        if name == "T":
            return f"{self._inside(args[0], ATOM)}ᵀ", ATOM
        self._within += 1
        inside = ", ".join(self.write(arg)[0] for arg in args)
        self._within -= 1
        return f"{SPELLED.get(name, name)}({inside})", ATOM

    def _operation(self, node: ast.BinOp) -> Piece:
        sign, holds = _OPERATORS[type(node.op)]
        if isinstance(node.op, ast.Mult) and self._is_one(node.left):
            return self.write(node.right)
        if isinstance(node.op, ast.Mult | ast.Div) and self._is_one(node.right):
            return self.write(node.left)
        if isinstance(node.op, ast.Mult) and Formula(node.left).name == "g" and not self._within:
            sign = " · "  # g stands apart from the rest, which is ∂y/∂a
        left, left_holds = self.write(node.left)
        left = left if left_holds >= holds else f"({left})"
        return left + sign + self._inside(node.right, holds + (sign == "/" or sign == " − ")), holds

    def _power(self, node: ast.BinOp) -> Piece:
        exponent = self._exponent(node.right)
        if exponent == "1":
            return self.write(node.left)
        return self._inside(node.left, ATOM) + raised(exponent), POWER

    def _exponent(self, node: ast.expr) -> str:
        """In numbers, an exponent is worked out."""
        value = None if self._names is None else Formula(node).value(self._names)
        return number(value) if isinstance(value, int | float) else self.write(node)[0]

    def _is_one(self, node: ast.expr) -> bool:
        """Whether a factor is the number one by itself, as the α of most additions, and not an entry that is."""
        if self._names is None or not isinstance(node, ast.Name):
            return False
        value = self._names[node.id]
        return isinstance(value, int | float) and value == 1
