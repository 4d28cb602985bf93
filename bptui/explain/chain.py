"""The chain rule in one line: the product of the local derivatives along each path from the loss to a leaf."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bptui.explain.text import added, lowered, multiplied, number, shape
from bptui.records import ExplainedRow, Link, Node

WRITTEN = 16
"""So many paths are written out; of the others only the count is told."""

FACTORS = 24
"""Of a longer path the middle is left out."""

ROUNDING = 1e-5
"""Up to this relative difference, it is float32 that rounds."""


@dataclass(frozen=True, slots=True)
class Chain:
    """∂loss/∂leaf as a sum over paths of products of local derivatives.

    Attributes:
        lines: What there is to read: a line for each path, their sum, and what is not as it should be.
        count: How many paths there are.
        total: Their sum, None where the way is not all of single numbers.
    """

    lines: tuple[str, ...]
    count: int = 0
    total: float | None = None


def chain(
    nodes: Sequence[Node], links: Sequence[Link], leaf: int, loss: int | None = None,
    names: Sequence[str] | None = None, inputs: Sequence[Sequence[int]] | None = None,
) -> Chain:  # fmt: skip
    """The chain rule from a loss to a leaf, or to any row in between.

    Args:
        nodes: The rows of the graph, each after the rows that it uses.
        links: The edges between single numbers; an op that uses a number twice has two of them.
        leaf: The row whose gradient is explained.
        loss: The row from which the backward pass began, the last one if it is not said.
        names: The names of the rows, and
        inputs: the rows that each uses, if one has them without making a `Node` of every row.
    """
    loss = len(nodes) - 1 if loss is None else loss
    names = names or [node.name for node in nodes]
    way = _Way(nodes, names, inputs or [node.inputs for node in nodes], links, leaf, loss)
    if not way.leads:
        return Chain((f"{way.names[leaf]} is not reached from {way.names[loss]}",))
    if way.gap is not None:
        return Chain((f"{way.gap} is no single number: the chain in one line is for single numbers",))
    return way.chain()


def links(rows: Iterable[ExplainedRow]) -> list[Link]:
    """The edges between single numbers."""
    return [
        Link(each.row, source, gradient.local, gradient.local_text)
        for each in rows
        for source, gradient in zip(each.sources, each.explanation.inputs, strict=False)  # none if it failed
        if source is not None and gradient.local is not None
    ]


class _Way:
    """The part of a graph that lies between a leaf and a loss."""

    def __init__(
        self, nodes: Sequence[Node], names: Sequence[str], inputs: Sequence[Sequence[int]],
        links: Sequence[Link], leaf: int, loss: int,
    ) -> None:  # fmt: skip
        self._nodes, self._inputs = nodes, inputs
        self._leaf = leaf
        self._loss = loss
        self.names = _numbered(names)
        self._on_way = way(inputs, leaf, loss)
        self._links: dict[int, list[Link]] = defaultdict(list)
        for link in links:
            if link.row in self._on_way and link.source in self._on_way:
                self._links[link.row].append(link)

    @property
    def leads(self) -> bool:
        """Whether there is a path at all."""
        return self._leaf in self._on_way

    @property
    def gap(self) -> str | None:
        """The first row, seen from the loss, with an input on the way whose derivative is not known."""
        for row in sorted(self._on_way - {self._leaf}, reverse=True):
            linked = {link.source for link in self._links[row]}
            missing = next((i for i in self._inputs[row] if i in self._on_way and i not in linked), None)
            if missing is not None:
                value = self._nodes[missing].value
                return f"{self.names[missing]} ({shape(value.shape)})" if value else self.names[missing]
        return None

    def chain(self) -> Chain:
        seed = self._seed()
        count, total = self._sum(seed)
        paths = [self._path(path, seed) for path in itertools.islice(self._paths(), WRITTEN)]
        if count == 1:
            lines = [paths[0][0]]
        else:
            more = f" + … ({count - len(paths)} more)" if count > len(paths) else ""
            values = added([number(value) for _, value in paths])
            lines = [text for text, _ in paths]
            lines.append(f"{self._left} = {values}{more} = {number(total)} (sum over {count} paths)")
        return Chain((*lines, *self._doubt(total)), count, total)

    @property
    def _left(self) -> str:
        return f"∂loss/∂{self.names[self._leaf]}"

    def _seed(self) -> float:
        """∂loss/∂loss: 1, or what the backward pass was given."""
        grad = self._nodes[self._loss].grad
        return 1.0 if grad is None or grad.item is None else grad.item

    def _sum(self, seed: float) -> tuple[int, float]:
        """How many paths there are, and what they come to; without walking each of them."""
        counts, grads = Counter({self._loss: 1}), defaultdict(float, {self._loss: seed})
        for row in sorted(self._on_way, reverse=True):
            for link in self._links[row]:
                counts[link.source] += counts[row]
                grads[link.source] += grads[row] * link.local
        return counts[self._leaf], grads[self._leaf]

    def _paths(self) -> Iterator[tuple[Link, ...]]:
        """The links of every path from the loss to the leaf, depth first."""
        path: list[Link] = []
        waiting = [iter(self._links[self._loss])]
        if self._loss == self._leaf:
            yield ()
        while waiting:
            link = next(waiting[-1], None)
            if link is None:
                waiting.pop()
                del path[-1:]
                continue
            path.append(link)
            if link.source == self._leaf:
                yield tuple(path)
                path.pop()
            else:
                waiting.append(iter(self._links[link.source]))

    def _path(self, path: Sequence[Link], seed: float) -> tuple[str, float]:
        """∂loss/∂w = ∂loss/∂pow · ∂pow/∂w = 1 · 2·(−5.4096) = −10.8192, and the last number."""
        value = seed * math.prod(link.local for link in path)
        symbols = [f"∂loss/∂{self.names[self._loss]}"]
        symbols += [f"∂{self.names[link.row]}/∂{self.names[link.source]}" for link in path]
        numbers = [number(seed), *(link.text for link in path)]
        return f"{self._left} = {_product(symbols)} = {_product(numbers)} = {number(value)}", value

    def _doubt(self, total: float) -> Iterator[str]:
        """What is to be said if autograd has another number."""
        grad = self._nodes[self._leaf].grad
        known = None if grad is None else grad.item
        if known is None or number(known) == number(total):
            return
        if math.isclose(known, total, rel_tol=ROUNDING):
            yield f"autograd has {number(known)}: it rounds at each step"
        else:
            yield f"autograd has {number(known)}, which is not what the chain comes to"


def _product(factors: Sequence[str]) -> str:
    if len(factors) > FACTORS:
        head, tail = FACTORS // 2, FACTORS // 2 - 1
        left_out = f"… ({len(factors) - head - tail} more) …"
        factors = [*factors[:head], left_out, *factors[-tail:]]
    return multiplied(factors)


def way(inputs: Sequence[Sequence[int]], leaf: int, loss: int) -> set[int]:
    """The rows on any path from the loss to the leaf, both included; empty if there is none.

    Args:
        inputs: Of each row, the rows that it uses.
        leaf: The one end.
        loss: The other end.
    """
    leads = {leaf}
    for row in range(leaf + 1, loss + 1):
        if any(source in leads for source in inputs[row]):
            leads.add(row)
    if loss not in leads:
        return set()
    used = {loss}
    for row in range(loss, leaf, -1):
        if row in used:
            used.update(source for source in inputs[row] if source in leads)
    return used


def _numbered(names: Sequence[str]) -> list[str]:
    """What each row is called; those of the same name are numbered: mul₁, mul₂."""
    total, seen, numbered = Counter(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        numbered.append(name + (lowered(str(seen[name])) if total[name] > 1 else ""))
    return numbered
