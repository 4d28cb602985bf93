"""What a rule is: an op's derivative in mathematics, that can be computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from bptui.explain.formula import Formula, formula
from bptui.explain.saved import Saved
from bptui.explain.text import lowered

Symbol = str | Callable[[Saved], Any]
"""What a symbol stands for: what the node kept under a name, or what is computed from it; also a function."""
Text = str | Callable[[Saved], str]
"""Some ops have a formula that depends on their options."""


def _of_numbers(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Any], torch.Tensor]:
    return lambda value: function(torch.as_tensor(value, dtype=getattr(value, "dtype", torch.float64)))


ELEMENTWISE = {
    "exp": _of_numbers(torch.exp),
    "ln": _of_numbers(torch.log),
    "sqrt": _of_numbers(torch.sqrt),
    "sin": _of_numbers(torch.sin),
    "cos": _of_numbers(torch.cos),
    "sgn": _of_numbers(torch.sgn),
    "σ": _of_numbers(torch.sigmoid),
    "Φ": _of_numbers(torch.special.ndtr),
    "φ": _of_numbers(lambda t: torch.exp(-t * t / 2) / (2 * torch.pi) ** 0.5),
    "tanh": _of_numbers(torch.tanh),
}
"""Functions of one number, known to every rule; they are written with their argument's number."""

TRANSPOSED = {"T": lambda matrix: matrix.mT}


@dataclass(frozen=True, slots=True)
class Rule:
    """The derivative of an op.

    The gradient of an input is its formula, summed over the dimensions in which the input was broadcast.

    Attributes:
        equation: What the op computes: "y = a · b".
        grads: The formula of ∂L/∂input by the input's name in torch's signature. It is linear in g = ∂L/∂y.
        symbols: What the other symbols of the formulas are. Those in Σ and mean are functions.
        letters: The symbol of each input, where it is none of `symbols`: {"self": "x"}.
        spread: How g is brought to the shape in which the formula is read, for ops that give other shapes.
        remark: What is to be said of it in words.
    """

    equation: Text
    grads: Mapping[str, Text]
    symbols: Mapping[str, Symbol] = field(default_factory=dict)
    letters: Mapping[str, str] = field(default_factory=dict)
    spread: Callable[[Saved], torch.Tensor] | None = None
    remark: str = ""

    def letter(self, name: str) -> str:
        """The symbol of an input."""
        name, _, at = name.partition("[")
        named = {saved: symbol for symbol, saved in self.symbols.items() if isinstance(saved, str)}
        return (self.letters.get(name) or named.get(name) or name) + lowered(at.rstrip("]"))

    def formula(self, name: str, saved: Saved) -> Formula:
        """The formula of an input's gradient."""
        return formula(written(self.grads[name.partition("[")[0]], saved))


def written(text: Text, saved: Saved) -> str:
    """A text that may depend on the op's options."""
    return text if isinstance(text, str) else text(saved)


class Names(Mapping[str, Any]):
    """What the symbols of a rule stand for at one node; read from the node when first asked for.

    Raises, at any name:
        Unknown: The node does not have it.
    """

    def __init__(self, rule: Rule, saved: Saved, **known: Any) -> None:
        self._rule = rule
        self._saved = saved
        self._known: dict[str, Any] = {**ELEMENTWISE, **TRANSPOSED, **known}
        for name in rule.symbols.keys() & ELEMENTWISE.keys():
            del self._known[name]

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> Any:
        if name == "g":
            return self._rule.spread(self._saved) if self._rule.spread else self._saved.g
        symbol = self._rule.symbols[name]
        return self._saved[symbol] if isinstance(symbol, str) else symbol(self._saved)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
