"""Autograd's graph of a sample → rows in execution order, with values and gradients."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bptui.debuggee.explaining import Explainer
from bptui.debuggee.live import Holding, Rows
from bptui.debuggee.module_paths import ModulePaths, Path
from bptui.debuggee.names import Names
from bptui.debuggee.nodes import is_leaf, nodes_behind, nodes_under
from bptui.debuggee.ops import TAG, UNHEARD, Leaf, Op, OpTagger
from bptui.debuggee.stats import try_summarise
from bptui.debuggee.study import Study
from bptui.debuggee.uncollected import SlowCollection, uncollected
from bptui.records import Explanations, Node, Sample, TensorSummary

if TYPE_CHECKING:
    from bptui.debuggee.inside import Inside

LARGEST_GRAPH = 20_000
"""Of a larger graph only so many nodes, nearest the loss, are kept."""

UNNAMED, UNNAMED_INPUT = "?", "tensor"
"""Stands for a parameter whose name was not found, and for an input that is no variable."""

_ENGINE = "_engine_run_backward"


class Tracer:
    """While entered, records every op and every backward pass; afterwards `graph()` puts them together.

    Attributes:
        study: After that, what can be said of its nodes, if they were to be explained.
        holding: Keeps tensors of the sample, if it is known to end at a stop.
        rows: After that, the tensors of its rows.
    """

    def __init__(
        self,
        tagger: OpTagger | None = None,
        explains: Callable[[], bool] = lambda: False,
        inside: Inside | None = None,
        keeps: Callable[[], bool] | None = None,
        on_backward: Callable[[Sequence[Any]], None] = lambda _: None,
    ) -> None:
        """Record nothing yet.

        Args:
            tagger: Hears the ops.
            explains: Whether the nodes of the backward pass at hand are to be explained.
            inside: May stop inside the sample.
            keeps: Whether its calls are kept, to be explained on request; as `explains` if not given.
            on_backward: Told of each backward pass that is about to begin.
        """
        self._on_backward = on_backward
        self.tagger = tagger or OpTagger()
        self._explains = explains
        self._keeps = keeps or explains
        self._explainer: Explainer | None = None
        self._inside = inside
        self._nodes: dict[Any, None] = {}
        self._grads: dict[Any, TensorSummary | None] = {}
        self._collection = SlowCollection()
        self._engine: Callable[..., Any]
        self.study: Study | None = None
        self.holding = Holding()
        self.rows = Rows()

    def __enter__(self) -> Tracer:
        # Every Tensor.backward, autograd.backward and autograd.grad goes through this one global.
        self._engine = getattr(torch.autograd, _ENGINE)
        setattr(torch.autograd, _ENGINE, self._run_backward)
        self.begin()
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        setattr(torch.autograd, _ENGINE, self._engine)

    def begin(self) -> None:
        """Record ops; backward passes are only those that `listen` is told of."""
        if self._keeps():
            self._explainer = self._explainer or Explainer()
            self.tagger.kept = self._explainer.kept
            self.tagger.kept.begin()
        self.tagger.hold = self.holding.value if self._keeps() else None
        self.tagger.begin()
        self._collection.begin()
        if self._inside is not None:
            self._inside.begin(self)

    def end(self) -> None:
        """Record no more ops."""
        self.tagger.hold = None
        self.tagger.end()
        if self.tagger.kept is not None:
            self.tagger.kept.end()
            self.tagger.kept = None
        self._collection.end()
        if self._inside is not None:
            self._inside.end()

    def listen(self, outputs: Sequence[Any]) -> list[Any]:
        """Record the backward pass that is about to begin; the handles are to be removed after it."""
        self._on_backward(outputs)
        self.tagger.note(outputs)
        nodes = list(islice(nodes_under(outputs), LARGEST_GRAPH))
        self._nodes |= dict.fromkeys(nodes)
        handles = [node.register_prehook(self._grad_taker(node)) for node in nodes]
        if self._explains():
            self._explainer = self._explainer or Explainer()
            handles += self._explainer.listen(outputs, nodes)
        return handles + (self._inside.listen(outputs, nodes) if self._inside is not None else [])

    def _run_backward(self, outputs: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        handles = self.listen(outputs)
        try:
            return self._engine(outputs, *args, **kwargs)
        finally:
            for handle in handles:
                handle.remove()

    def _grad_taker(self, node: Any) -> Callable[[tuple[torch.Tensor | None, ...]], None]:
        is_held = self._keeps()

        def take(grads: tuple[torch.Tensor | None, ...]) -> None:
            for grad in grads:
                if grad is not None:
                    self._grads[node] = try_summarise(grad)
                    if is_held:
                        self.holding.grad(node, grad)
                    break

        return take

    def graph(self, sample: Sample, frame: FrameType, *others: FrameType) -> tuple[Node, ...]:
        """The rows of the sample's graph, every row after the rows it consumes.

        Args:
            sample: What the loop yielded; its input and target are shown as leaves.
            frame: The suspended frame of the loop, in which leaves have their names.
            others: Where parameters and modules may have theirs if not there, in this order.
        """
        with uncollected():
            rows = self._rows(sample, (frame, *others))
            nodes = self._build(rows, self._nodes)
            self._study(rows, is_amid=False)
            return nodes

    def so_far(self, made: Iterable[Any], frames: Sequence[FrameType]) -> tuple[tuple[Node, ...], dict[Any, int]]:
        """The rows of a sample that is not complete, and the row of each node.

        Args:
            made: The nodes of the ops until now.
            frames: Where leaves, parameters and modules have their names.
        """
        with uncollected():
            rows = self._rows(None, tuple(frames))
            nodes = self._build(rows, self._nodes | dict.fromkeys(islice(nodes_behind(made), LARGEST_GRAPH)))
            self._study(rows, is_amid=True)
            return nodes, rows.row_of

    def _study(self, rows: _Rows, is_amid: bool) -> None:
        self.study = Study(self._explainer, rows.row_of, is_amid) if self._explainer else None

    def _build(self, rows: _Rows, nodes: Iterable[Any]) -> tuple[Node, ...]:
        built = rows.build(nodes)
        self.rows = self.holding.rows(built, rows.row_of, rows.data)
        return built

    @property
    def explanations(self) -> Explanations | None:
        """What was found out about its nodes, if they were to be explained."""
        return self.study.explanations() if self.study else None

    def _rows(self, sample: Sample | None, frames: tuple[FrameType, ...]) -> _Rows:
        return _Rows(sample, frames, self._grads, self.tagger.leaves)


class _Rows:
    """Builds the rows: each op preceded by those of its leaves that were not there yet."""

    def __init__(
        self,
        sample: Sample | None,
        frames: tuple[FrameType, ...],
        grads: dict[Any, TensorSummary | None],
        leaves: dict[int, Leaf],
    ) -> None:
        self._known = (sample.input, sample.target) if sample else None
        self._all_names = Names(frames)
        self._names = Names(frames[:1], self._all_names)
        self._paths = ModulePaths(self._all_names)
        self._grads = grads
        self._leaves = leaves
        self._rows: list[Node] = []
        self.row_of: dict[Any, int] = {}
        self.data: dict[int, Any] = {}

    def build(self, nodes: Iterable[Any]) -> tuple[Node, ...]:
        for node in sorted((node for node in nodes if not is_leaf(node)), key=_sequence):
            self._add_op(node)
        return tuple(self._rows)

    def _add_op(self, node: Any) -> None:
        op: Op = node.metadata.get(TAG, UNHEARD)
        path = self._paths.of(op.call)
        inputs = [self._row_of_node(source, path) for source, _ in node.next_functions if source is not None]
        inputs += [self._row_of_leaf(leaf, path) for leaf in op.leaves if self._is_shown(leaf)]
        row = Node(
            name=op_name(node.name()), kind="op", inputs=tuple(dict.fromkeys(i for i in inputs if i is not None)),
            value=op.output, grad=self._grads.get(node), place=op.place, node=node.name(),
            module=path.module, types=path.types,
        )  # fmt: skip
        self._append(node, row)

    def _row_of_node(self, node: Any, path: Path) -> int | None:
        """The row of a node; that of a leaf comes with, and belongs to, the first op that uses it."""
        if node not in self.row_of and is_leaf(node):
            name = self._all_names.of(node.variable) or UNNAMED
            used = self._leaves.get(id(node.variable))
            value, grad = used.summary if used else None, self._grads.get(node)
            self._append(node, Node(name, "parameter", (), value, grad, None, node.name(), *path))
        return self.row_of.get(node)

    def _row_of_leaf(self, leaf: Leaf, path: Path) -> int:
        key = ("leaf", id(leaf.value))
        if key not in self.row_of:
            name = self._names.of(leaf.value) or UNNAMED_INPUT
            value = leaf.summary or try_summarise(leaf.value)
            self.data[len(self._rows)] = leaf.value
            self._append(key, Node(name, "input", (), value, None, None, "", *path))
        return self.row_of[key]

    def _is_shown(self, leaf: Leaf) -> bool:
        """Data always; numbers only if they are the sample's data, since 2 in x ** 2 is no leaf."""
        if isinstance(leaf.value, torch.Tensor):
            return not leaf.value.requires_grad
        if self._known is None:  # nobody knows yet what the sample's data are
            return not isinstance(leaf.value, float) or isinstance(leaf.value, np.generic)
        return any(leaf.value is known for known in self._known)

    def _append(self, key: Any, row: Node) -> None:
        self.row_of[key] = len(self._rows)
        self._rows.append(row)


def _sequence(node: Any) -> int:
    return int(node._sequence_nr())


def op_name(node_name: str) -> str:
    """The op of an autograd node: "MulBackward0" → "mul", "NllLossBackward0" → "nll_loss"."""
    stem = re.sub(r"Backward\d*$", "", node_name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower()
