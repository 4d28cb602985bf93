"""Autograd's nodes behind what a backward pass begins from."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

import torch


def roots(outputs: Sequence[Any]) -> list[Any]:
    """The nodes at which a backward pass from these outputs begins; a leaf has none."""
    if len(outputs) == 1 and isinstance(outputs[0], torch.Tensor):
        return [] if outputs[0].grad_fn is None else [outputs[0].grad_fn]
    found = [output.grad_fn if isinstance(output, torch.Tensor) else output.node for output in outputs]
    return [root for root in dict.fromkeys(found) if root is not None]  # others are a GradientEdge


def is_leaf(node: Any) -> bool:
    """Whether it is the AccumulateGrad of a leaf."""
    return hasattr(node, "variable")


def nodes_under(outputs: Sequence[Any]) -> Iterator[Any]:
    """The nodes that a backward pass from these outputs reaches, each once, the nearest first."""
    return nodes_behind(roots(outputs))


def nodes_behind(nodes: Iterable[Any], known: Container[Any] = ()) -> Iterator[Any]:
    """These nodes and those that a backward pass reaches from them, each once, the nearest first.

    Args:
        nodes: Where to begin.
        known: Nodes that are passed over, with all behind them.
    """
    nodes = [node for node in nodes if node not in known]
    seen = set(nodes)
    for node in nodes:
        yield node
        for source, _ in node.next_functions:
            if source is not None and source not in seen and source not in known:
                seen.add(source)
                nodes.append(source)
