"""A graph in few bytes: column by column, each text and place once, all floating-point numbers together."""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from bptui.errors import ProtocolError
from bptui.records import Node, Place, TensorSummary

SAMPLED_ROWS = 1000
"""In a graph of more rows, tensors that are not exact keep none of their values, only statistics."""

_NAMES = attrgetter("name", "kind", "node", "module", "types")
_STATS = attrgetter("min", "max", "mean", "std", "norm")
_COUNTS = attrgetter("shape", "dtype", "device", "zeros", "nans", "pos_infs", "neg_infs")
_ABSENT = float("nan")


def pack_graph(nodes: Sequence[Node]) -> bytes:
    """The rows of a graph as bytes; 10 000 of them, each with two summaries, are some 1.5 MB and take 0.1 s."""
    numbers = array("d")
    table, rows = _table(map(_NAMES, nodes))
    places, lines = _table((node.place.path, node.place.line) if node.place else () for node in nodes)
    parts = [node.value for node in nodes] + [node.grad for node in nodes]
    keeps_values = len(nodes) <= SAMPLED_ROWS
    head = {
        "names": table, "rows": rows, "places": places, "lines": lines, "inputs": [node.inputs for node in nodes],
        "summaries": [_packed(part, numbers, keeps_values) for part in parts],
    }  # fmt: skip
    text = json.dumps(head, separators=(",", ":")).encode()
    return zlib.compress(text + b"\n" + numbers.tobytes(), 1)


def unpack_graph(packed: bytes) -> tuple[Node, ...]:
    """The rows that `pack_graph` was given.

    Raises:
        ProtocolError: They are damaged, or of another version.
    """
    try:
        return tuple(_nodes(zlib.decompress(packed)))
    except (zlib.error, ValueError, KeyError, TypeError, IndexError, StopIteration, RuntimeError) as error:
        raise ProtocolError(f"a graph that this version of bptui does not know ({error})") from error


def _nodes(text: bytes) -> Iterator[Node]:
    line, _, rest = text.partition(b"\n")
    head = json.loads(line)
    numbers = array("d")
    numbers.frombytes(rest)
    places = [Place(*place) if place else None for place in head["places"]]
    summaries = _summaries(head["summaries"], numbers.tolist())
    values, grads = summaries[: len(head["rows"])], summaries[len(head["rows"]) :]
    columns = zip(head["rows"], head["lines"], head["inputs"], values, grads, strict=True)
    for row, place, inputs, value, grad in columns:
        name, kind, node, module, types = head["names"][row]
        yield Node(name, kind, tuple(inputs), value, grad, places[place], node, module, types)


def _table(values: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """The distinct values, and for each value which one it is."""
    numbers: dict[Any, int] = {}
    rows = [numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), rows


def _packed(summary: TensorSummary | None, numbers: array[float], keeps_values: bool) -> Any:
    if summary is None:
        return None
    values = summary.values if keeps_values or summary.is_exact else ()
    numbers.extend(_ABSENT if stat is None else stat for stat in _STATS(summary))
    if all(type(value) is float for value in values):
        numbers.extend(values)
        return (*_COUNTS(summary), len(values))
    return (*_COUNTS(summary), values)  # a double has no place for every int64, and does not tell a bool


def _summaries(packed: Iterable[Any], numbers: list[float]) -> list[TensorSummary | None]:
    found: list[TensorSummary | None] = []
    at = 0
    for each in packed:
        if each is None:
            found.append(None)
            continue
        shape, dtype, device, zeros, nans, pos_infs, neg_infs, values = each
        low, high, mean, std, norm = [None if stat != stat else stat for stat in numbers[at : at + 5]]
        at += 5
        if isinstance(values, int):
            at, values = at + values, numbers[at : at + values]
        counts = (zeros, nans, pos_infs, neg_infs)
        found.append(
            TensorSummary(tuple(shape), dtype, device, low, high, mean, std, norm, *counts, values=tuple(values))
        )
    return found
