"""A computation graph of 10 000 rows, on its way from the training to the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.timing import MS, Row, interleave, repeated, row
from bptui.app.panels.folding import unfolded
from bptui.app.panels.graph_tree import Item, edges, folds_to_fit, tree
from bptui.app.widgets.lanes import Lanes
from bptui.protocol import Structure, pack_graph, unpack_graph
from bptui.records import Node, Place, TensorSummary

ROWS, ROUNDS, SCREEN = 10_000, 20, 30


def rows() -> Iterator[Row]:
    """To pack it, to unpack it, to fold it to a screen, and to draw all of it."""
    nodes = _nodes()
    packed = pack_graph(nodes)
    structure = unpack_graph(packed).structure
    items = tree(structure.modules)
    cases: dict[str, Callable[[], object]] = {
        "pack": lambda: pack_graph(nodes),
        "unpack": lambda: unpack_graph(packed),
        "fold to a screen": lambda: _draw(structure, items, SCREEN),
        "draw unfolded": lambda: _draw(structure, items, len(items)),
    }
    timers = {name: _timer(case) for name, case in cases.items()}
    for name, values in interleave(timers, ROUNDS).items():
        yield row(f"graph of {ROWS:,} rows: {name}", [value * MS for value in values], "ms")
    yield Row(f"graph of {ROWS:,} rows, recorded", len(packed) / 1e6, "MB")


def _draw(structure: Structure, items: tuple[Item, ...], room: int) -> object:
    folded = folds_to_fit(items, room)
    rows = unfolded(items, folded)
    return Lanes(edges(structure.inputs, rows, folded)).rows(0, len(rows))


def _nodes() -> tuple[Node, ...]:
    """Blocks of twenty rows, each row using the one before and the one three before."""
    return tuple(
        Node(
            "linear", "op", tuple({max(i - 1, 0), max(i - 3, 0)} - {i}), _summary(i), _summary(-i),
            Place("/home/user/train.py", 100 + i % 300), "AddmmBackward0",
            f"model.blocks.{i // 20}.{i // 5 % 4}", "Model..Block.Linear",
        )
        for i in range(ROWS)
    )  # fmt: skip


def _summary(i: int) -> TensorSummary:
    mean = i / 7
    return TensorSummary((4, 64, 128), "float32", "cpu", mean - 1, mean + 1, mean, 0.1, mean * 9, 0, 0, 0, 0, ())


def _timer(case: Callable[[], object]) -> Callable[[], float]:
    return lambda: repeated(case, 1)[0]
