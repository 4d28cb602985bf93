"""A graph in few bytes: column by column, each text and place once, all floating-point numbers together."""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from bptui.errors import ProtocolError
from bptui.protocol.unpacked_graph import Counts, Graph, Structure, Summaries
from bptui.records import Node, TensorSummary

SAMPLED_ROWS = 1000
"""In a graph of more rows, tensors that are not exact keep none of their values, only statistics."""

_NAMES = attrgetter("name", "kind", "node", "module", "types")
_COUNTS = attrgetter("shape", "dtype", "device", "zeros", "nans", "pos_infs", "neg_infs")
_STATS = attrgetter("min", "max", "mean", "std", "norm")
_FLOATS = frozenset({float})
_ABSENT = float("nan")


def pack_graph(nodes: Sequence[Node]) -> bytes:
    """The rows of a graph as bytes; 10 000 of them, each with two summaries, are some 1.5 MB and take 0.1 s."""
    names, rows = _table(map(_NAMES, nodes))
    places, lines = _table((node.place.path, node.place.line) if node.place else () for node in nodes)
    inputs = [node.inputs for node in nodes]
    structure = {"names": names, "rows": rows, "places": places, "lines": lines, "inputs": inputs}
    numbers: list[float | None] = []
    others: dict[int, tuple[float, ...]] = {}
    keeps_values = len(nodes) <= SAMPLED_ROWS
    parts = [node.value for node in nodes] + [node.grad for node in nodes]
    kinds, which = _table([_packed(at, part, numbers, others, keeps_values) for at, part in enumerate(parts)])
    head = {"kinds": kinds, "which": which, "others": others}
    doubles = array("d", [_ABSENT if number is None else number for number in numbers])
    first = zlib.compress(_json(structure), 1)
    return b"%d\n" % len(first) + first + zlib.compress(_json(head) + b"\n" + doubles.tobytes(), 1)


def unpack_graph(packed: bytes) -> Graph:
    """The rows that `pack_graph` was given.

    Raises:
        ProtocolError: They are damaged, or of another version.
    """
    try:
        length, _, rest = packed.partition(b"\n")
        return Graph(_structure(rest[: int(length)]), _summaries(zlib.decompress(rest[int(length) :])))
    except (zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise ProtocolError(f"a graph that this version of bptui does not know ({error})") from error


def _table(values: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """The distinct values, and for each value which one it is."""
    numbers: dict[Any, int] = {}
    rows = [numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), rows


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _packed(
    index: int,
    summary: TensorSummary | None,
    numbers: list[float | None],
    others: dict[int, Any],
    keeps_values: bool,
) -> tuple[Any, ...] | None:
    """The kind of a summary; its numbers go to the others'."""
    if summary is None:
        return None
    numbers += _STATS(summary)
    values = summary.values if keeps_values or summary.is_exact else ()
    if _FLOATS.issuperset(map(type, values)):
        numbers += values
        return (*_COUNTS(summary), len(values))
    others[index] = values  # a double has no place for every int64, and does not tell a bool
    return (*_COUNTS(summary), None)


@lru_cache(maxsize=4)
def _structure(packed: bytes) -> Structure:
    """Of the graphs of many samples, packed it is the same bytes."""
    return Structure(**json.loads(zlib.decompress(packed)))


def _summaries(text: bytes) -> Summaries:
    line, _, doubles = text.partition(b"\n")
    head = json.loads(line)
    kinds = [kind and Counts(*kind) for kind in head["kinds"]]
    others = {int(index): values for index, values in head["others"].items()}
    return Summaries(kinds, head["which"], others, memoryview(doubles).cast("d"))
