"""What a run is made of: immutable data that every layer shares."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

QUANTITIES = ("input", "target", "output", "loss", "grad", "by_hand", "weight", "weight_after", "update_number")
"""The fields of a `Sample` that hold numbers, in the order in which they are recorded."""

LOSSES = "losses"
"""Beside them, where a sample has several backward passes: the loss of each, as one tensor."""

LOGGED = 3
"""What is printed by a logpoint stands beside stdout, 1, and stderr, 2, as a stream of its own."""

EXACT = 16
"""Up to so many elements a `TensorSummary` keeps every value at full precision."""

KEPT = 64
"""A `TensorSummary` of a larger tensor keeps at most so many values, evenly spaced."""

FIRST = "first not finite: "
"""So begins why it stands at the op, node or update that was the first to give something not finite."""

OVERHEAD = 0.01
"""Of the running time, so much may go into what only some samples are given: graphs, statistics of parameters."""


class Sample(NamedTuple):
    """One training step: what a loop yields after forward, backward and update.

    Every quantity may be a tensor, a numpy value or a number, of any shape. It is read while the loop is
    suspended at its `yield`, so it needs no copy unless the loop itself overwrites it before.

    Attributes:
        epoch: The pass over the data, as the loop counts it.
        index: The position of the sample in its epoch, from 0.
        loss: The value that was differentiated.
        input: What went into the model.
        target: What should have come out.
        output: What came out, before the update.
        grad: ∂loss/∂weight, as the update used it.
        weight: The weight before the update.
        weight_after: The weight after the update.
        by_hand: The same gradient by a formula derived by hand, where the lesson has one.
        update_number: Of the update that the sample ends with, from 1; 0 for a micro-batch, which has none. Only
            where samples and updates are not one to one.
        samples: How many samples an epoch has, if the loop knows.
        epochs: How many epochs the run has, if the loop knows.
    """

    # A NamedTuple, as it is made in the middle of the training: 0.9 µs, a frozen dataclass takes 2.2 µs.
    epoch: int
    index: int  # type: ignore[assignment]  # it hides the index() of a tuple
    loss: Any
    input: Any = None
    target: Any = None
    output: Any = None
    grad: Any = None
    weight: Any = None
    weight_after: Any = None
    by_hand: Any = None
    update_number: Any = None
    samples: int | None = None
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class TensorSummary:
    """A tensor in a few numbers; of a complex tensor, its magnitude.

    Statistics are over the finite elements and None where there are none.

    Attributes:
        shape: The tensor's shape; () for a number.
        dtype: The name without its library: "float32", "int64"; "float", "int" for Python's own.
        device: Where it lives: "cpu", "cuda:0".
        min: Smallest finite element.
        max: Largest finite element.
        mean: Mean of the finite elements.
        std: Population standard deviation of the finite elements.
        norm: Euclidean norm of the finite elements.
        zeros: How many elements are exactly zero.
        nans: How many are NaN.
        pos_infs: How many are +Inf.
        neg_infs: How many are -Inf.
        values: All elements in row-major order up to `EXACT`; of larger tensors up to `KEPT` evenly spaced.
    """

    shape: tuple[int, ...]
    dtype: str
    device: str
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    norm: float | None
    zeros: int
    nans: int
    pos_infs: int
    neg_infs: int
    values: tuple[float, ...]

    @classmethod
    def of_one(cls, value: float, kind: Kind) -> TensorSummary:
        """The summary of a one-element tensor, from its element and its kind."""
        finite = math.isfinite(value)
        stat = value if finite else None
        return cls(
            shape=kind.shape, dtype=kind.dtype, device=kind.device,
            min=stat, max=stat, mean=stat, std=0.0 if finite else None, norm=abs(value) if finite else None,
            zeros=int(value == 0), nans=int(math.isnan(value)),
            pos_infs=int(value == math.inf), neg_infs=int(value == -math.inf), values=(value,),
        )  # fmt: skip

    @classmethod
    def of_norm(cls, norm: float, kind: Kind) -> TensorSummary:
        """The summary of a tensor of which nothing but the norm is known."""
        finite = math.isfinite(norm)
        return cls(
            shape=kind.shape, dtype=kind.dtype, device=kind.device,
            min=None, max=None, mean=None, std=None, norm=norm if finite else None,
            zeros=0, nans=int(math.isnan(norm)), pos_infs=int(norm == math.inf), neg_infs=0, values=(),
        )  # fmt: skip

    @property
    def numel(self) -> int:
        """How many elements the tensor has."""
        return math.prod(self.shape)

    @property
    def item(self) -> float | None:
        """The element of a one-element tensor, else None."""
        return self.values[0] if self.values and self.numel == 1 else None

    @property
    def is_exact(self) -> bool:
        """Whether `values` holds every element."""
        return self.numel <= EXACT

    @property
    def nonfinite(self) -> int:
        """How many elements are NaN or infinite."""
        return self.nans + self.pos_infs + self.neg_infs


@dataclass(frozen=True, slots=True)
class Kind:
    """What stays the same of a quantity from sample to sample: its shape, dtype and device."""

    shape: tuple[int, ...]
    dtype: str
    device: str

    @property
    def is_one(self) -> bool:
        """Whether a tensor of this kind has exactly one element."""
        return math.prod(self.shape) == 1


@dataclass(frozen=True, slots=True)
class Place:
    """A line of source code.

    Attributes:
        path: The file.
        line: Its line, from 1.
    """

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What a stretch of samples has in common, so that one sample is only a row of numbers.

    Attributes:
        kinds: The kind of each quantity that is there; a missing key is a quantity that the loop does not have.
        place: Where the loop was suspended, None where that is unknown.
        samples: How many samples an epoch has, if declared.
        epochs: How many epochs the run has, if declared.
    """

    kinds: dict[str, Kind]
    place: Place | None = None
    samples: int | None = None
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class OptimizerRates:
    """The learning rates with which an optimizer made a step.

    Attributes:
        optimizer: Its class; of several that are alive, the second is "Adam#2".
        rates: That of each of its parameter groups, None for one that has none.
    """

    optimizer: str
    rates: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Where, or under what condition, the training stops.

    Attributes:
        id: Its number, from 1.
        text: As it was asked for: "op conv2d", "loss > 3".
        condition: An expression that has to hold; empty for a line that always stops.
        path: Of a line of source, its file.
        line: Its number, 0 if it is about no line.
        each: Whether it hits each time that the condition holds, not only when it begins to.
        is_enabled: Whether it is looked at.
        is_temporary: Whether it goes with its first stop.
        ignore: So many hits pass without a stop.
        message: What a logpoint says in Console, and goes on; empty for what stops.
    """

    id: int
    text: str
    condition: str = ""
    path: str = ""
    line: int = 0
    each: bool = False
    is_enabled: bool = True
    is_temporary: bool = False
    ignore: int = 0
    message: str = ""

    @property
    def looks_back(self) -> bool:
        """Whether it goes back to what made the number that is not finite; its condition alone only stops."""
        return self.text.partition(" ")[0] == "nan" and not self.message


@dataclass(frozen=True, slots=True)
class Hits:
    """What has become of a breakpoint.

    Attributes:
        id: Its number.
        count: How often it has hit, those that were ignored included.
        at: The sample of the last time, -1 before the first.
        problem: Why it can not be looked at, in one line.
    """

    id: int
    count: int = 0
    at: int = -1
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """One hit of a breakpoint; also one that was ignored, or of a logpoint, which do not stop.

    Attributes:
        step: The sample after which, or inside which, it was.
        breakpoint: Its number.
        text: As it was asked for: "op conv2d", "loss > 3".
        place: Where inside the sample: "forward · relu · net.1", "train.py:12"; empty after it.
    """

    step: int
    breakpoint: int
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Something that was set by hand.

    Attributes:
        step: After how many samples.
        what: "lr", "model.fc1.weight[0, 1]".
        old: What it was, in one line.
        new: What it is.
    """

    step: int
    what: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression has come to.

    Attributes:
        text: How Python shows it; of a long one, so much as is worth it.
        kind: Its type; of a tensor "float32 8×4".
        number: Itself, if it is one number.
        problem: Why there is none, in one line; of what is no Python, below it the place.
    """

    text: str = ""
    kind: str = ""
    number: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RecordedSample:
    """A sample as the recording holds it.

    Attributes:
        branch: The branch it belongs to.
        step: Its number in the branch, from 0.
        epoch: As the loop yielded it.
        index: As the loop yielded it.
        layout: What it has in common with its neighbours.
        quantities: A summary of every quantity that is there.
        rates: Of the optimizers that made the last update until then; empty before the first, or by hand.
    """

    branch: int
    step: int
    epoch: int
    index: int
    layout: Layout
    quantities: dict[str, TensorSummary]
    rates: tuple[OptimizerRates, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A leaf that the training changes, or could.

    Attributes:
        name: As the user's code calls it, "model.fc1.weight"; empty where no name was found.
        shape: Its shape.
        dtype: Without its library: "float32".
        device: Where it lives.
        is_frozen: Whether it asks for no gradient.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    device: str
    is_frozen: bool = False


class ParameterStats(NamedTuple):
    """One parameter at one sample, in Euclidean norms over all elements.

    NaN where an element is NaN, infinite where one is infinite and none is NaN.

    Attributes:
        weight: ‖w‖ after the update, None where it has no numbers to look at.
        grad: ‖∂loss/∂w‖ as the update used it, None where the parameter got no gradient.
        update: ‖w after − w before‖, None where it was not measured.
    """

    # A NamedTuple, as there may be ten thousand of them at every stop.
    weight: float | None
    grad: float | None
    update: float | None

    @property
    def ratio(self) -> float | None:
        """‖Δw‖ / ‖w‖, None where it is not known."""
        return None if self.update is None or not self.weight else self.update / self.weight


@dataclass(frozen=True, slots=True)
class Node:
    """One row of the computation graph: a leaf, or an op together with its autograd node.

    Attributes:
        name: The op ("mul") or the leaf's name in the user's code ("weight").
        kind: "parameter" (a leaf that gets a gradient), "input" (a leaf that gets none) or "op".
        inputs: The rows that this row consumes, all of them earlier.
        value: The output of the op or the value of the leaf.
        grad: ∂loss/∂value.
        place: Where the user's code called the op.
        node: The autograd node's name, "MulBackward0"; empty for an input.
        module: The path of the module in whose call the op was made, or that of the first op that uses the leaf:
            "model.blocks.3.attn"; the second call of a module inside the same one ends in "#2". Empty outside.
        types: The class of each part of `module`, empty for one that is not called: "GPT..Block.Attention".
    """

    name: str
    kind: Literal["parameter", "input", "op"]
    inputs: tuple[int, ...] = ()
    value: TensorSummary | None = None
    grad: TensorSummary | None = None
    place: Place | None = None
    node: str = ""
    module: str = ""
    types: str = ""


Phase = Literal["forward", "backward", "update"]
"""The parts of a sample, in their order."""

PHASES: tuple[Phase, ...] = get_args(Phase)
"""Their names."""


@dataclass(frozen=True, slots=True)
class Part:
    """A tensor or number at a stop inside a sample.

    Attributes:
        role: What it is there: "input", "output", "gradient in", "gradient out", "gradient", "value", "before",
            "after", "state".
        name: As the graph or the user's code calls it; empty where no name was found.
        summary: Its numbers, None where there are none.
        text: What is to be said of it in words.
    """

    role: str
    name: str
    summary: TensorSummary | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class InsideStop:
    """A stop inside a sample: after an op, after a node, around the step of an optimizer.

    Attributes:
        step: The sample that is not complete yet.
        phase: In which part of it.
        position: Which op or node of the phase it is, from 1.
        total: How many there are, 0 while nobody knows.
        op: What was called: "mul", "MulBackward0", "SGD.step".
        row: Its row in the graph so far, -1 if it has none.
        place: The user's line.
        module: The path of the module in whose call it is, empty outside.
        parts: What went in and what came out.
        left_out: How many more parts there are.
        error: The exception in one line, if it raised.
        made_by: In a backward pass, the user's calls in which the node was made, as they were then, the innermost
            first; empty if nobody listened.
    """

    step: int
    phase: Phase
    position: int
    total: int
    op: str
    row: int = -1
    place: Place | None = None
    module: str = ""
    parts: tuple[Part, ...] = ()
    left_out: int = 0
    error: str = ""
    made_by: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class InputGradient:
    """How one input of an op gets its gradient. A text is empty, a number None, where there is nothing to say.

    Attributes:
        name: The input in PyTorch's signature: "other", of a list "tensors[1]".
        symbol: What the formula calls it: "b".
        torch_formula: PyTorch's own: "mul_tensor_backward(grad, self, other.scalar_type())".
        formula: In mathematics: "∂L/∂b = g · a".
        numbers: The same with its numbers: "∂L/∂b[1] = g · a = 2 · 3 = 6", for the entry of the largest magnitude;
            of matrices their shapes: "∂L/∂B = Aᵀ·g: (4×3)ᵀ·(4×5) → 3×5, largest ∂L/∂B[1, 2] = 6".
        entry: The index of that entry.
        value: The gradient of that entry by the rule.
        steps: The shapes along the way: "summed over dim 0 (broadcast 4×3 ← 3)".
        shape: Of the input.
        norm: ‖∂L/∂input‖ as autograd computed it.
        factor: ‖∂L/∂input‖ / ‖g‖, by which the gradient's norm grew or shrank here.
        error: ‖rule − autograd‖ / ‖the larger of both‖, None where one of them is missing.
        local: ∂output/∂input of a node of single numbers.
        local_text: The same as it is computed: "2·(−5.4096)".
        remark: Why something is missing.
    """

    name: str
    symbol: str = ""
    torch_formula: str = ""
    formula: str = ""
    numbers: str = ""
    entry: tuple[int, ...] = ()
    value: float | None = None
    steps: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
    norm: float | None = None
    factor: float | None = None
    error: float | None = None
    local: float | None = None
    local_text: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an autograd node does, in PyTorch's words, in mathematics and in numbers.

    Attributes:
        node: Its name: "MulBackward0".
        op: The op that made it: "mul".
        signature: PyTorch's: "mul.Tensor(Tensor self, Tensor other) -> Tensor"; empty if it has none.
        equation: What the op computes: "y = a · b"; empty without a rule.
        remark: What is to be said of it in words.
        place: Of a Function of the user's own, its backward.
        shape: Of the op's output.
        norm: ‖g‖, of the gradient that came in.
        inputs: How each input gets its gradient, in the order of the node's edges.
        saved: What the node keeps from the forward pass, each in one line, where no gradient has come yet.
    """

    node: str
    op: str
    signature: str = ""
    equation: str = ""
    remark: str = ""
    place: Place | None = None
    shape: tuple[int, ...] | None = None
    norm: float | None = None
    inputs: tuple[InputGradient, ...] = ()
    saved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """An edge of a graph whose both ends are single numbers.

    Attributes:
        row: The row of the op.
        source: The row of the input.
        local: ∂op/∂input.
        text: The same as it is computed: "2·(−5.4096)".
    """

    row: int
    source: int
    local: float
    text: str


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """A row of a graph and its explanation.

    Attributes:
        row: The row.
        sources: The row of each of the node's inputs, None of what has no row, as a constant.
        explanation: What its node does with the gradient.
    """

    row: int
    sources: tuple[int | None, ...]
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """A gradient against central finite differences.

    Attributes:
        function: What was called.
        reading: What the error means, in words.
        error: The largest relative error of all entries looked at, None where there was none to look at.
        checked: How many entries were looked at.
        kinks: How many more were left out, as the function has no derivative there.
        precision: In which dtype the differences were taken: "float64".
        worst: The argument and entry of the largest error: "argument 0 [2, 1]".
        analytic: ∂L/∂ of that entry, as autograd has it.
        numeric: The same by finite differences.
        place: Of a Function of the user's own, its backward.
        remark: How it was done, or why it could not be.
    """

    function: str
    reading: str
    error: float | None = None
    checked: int = 0
    kinks: int = 0
    precision: str = ""
    worst: str = ""
    analytic: float | None = None
    numeric: float | None = None
    place: Place | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Explanations:
    """What the nodes of a graph do with the gradient.

    Attributes:
        rows: Those that are explained, in the order of the backward pass.
        left_out: Rows for which there was not enough time left when the backward pass came to them.
        budget: How many seconds that were.
        losses: The rows from which backward passes began.
        forms: What can be said of a row without its numbers; one for each name of an autograd node in the graph.
        checks: Rows whose gradient was compared with finite differences, and what came of it.
    """

    rows: tuple[ExplainedRow, ...] = ()
    left_out: tuple[int, ...] = ()
    budget: float = 0.0
    losses: tuple[int, ...] = ()
    forms: tuple[Explanation, ...] = ()
    checks: tuple[tuple[int, GradientCheck], ...] = ()


CheckName = Literal["initial loss", "overfit", "zero input", "batch leak"]
"""The checks of a whole training, from Karpathy's "A Recipe for Training Neural Networks"."""


@dataclass(frozen=True, slots=True)
class TrainingCheck:
    """What came of a check of a whole training.

    Attributes:
        name: Which check.
        is_good: Whether all is as it should be; None if that can not be said.
        found: The numbers.
        limit: What they should be.
        text: What it means and what to try, or why nothing can be said.
        serial: Tells a result from the one before it.
    """

    name: CheckName
    is_good: bool | None = None
    found: str = ""
    limit: str = ""
    text: str = ""
    serial: int = 0


@dataclass(frozen=True, slots=True)
class Local:
    """A local variable of a frame, in one line.

    Attributes:
        name: As the code calls it; of a part of a container "batch[0]", of an attribute "self.weight".
        kind: The name of its type, "Tensor", "list", "Linear"; of a tensor that was not read, its shape and dtype.
        text: What is to be said of it in words: "3 items", "'cpu'"; empty where the summary says it.
        summary: Its numbers, if it is a tensor, an array or a number.
    """

    name: str
    kind: str
    text: str = ""
    summary: TensorSummary | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A call of the user's code that has not returned.

    Attributes:
        function: Its qualified name, "Trainer.fit"; "<module>" for the script itself.
        place: The line at which it is.
        locals: Its variables, as far as they are worth showing.
        left_out: How many more there are for which there was no room.
        inside: The library's frames between it and the one it called: "15 frames of lightning, torch".
        remark: Why there are no locals, if that is not plain.
    """

    function: str
    place: Place
    locals: tuple[Local, ...] = ()
    left_out: int = 0
    inside: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """The user's frames at a stop, or those that the exception went through that ended the training.

    Attributes:
        frames: The innermost first.
        left_out: How many more callers there are.
        error: The exception in one line, empty at a stop.
        is_amid: Whether it stopped in the midst of a sample, and not after it.
    """

    frames: tuple[Frame, ...]
    left_out: int = 0
    error: str = ""
    is_amid: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What is debugged.

    Attributes:
        name: As given on the command line.
        title: One line for people.
        path: The source file of the loop, empty if there is none.
        line: Where the loop begins in that file.
        options: The loop's options, as text.
        python: The interpreter's version.
        torch: The library's version.
    """

    name: str
    title: str
    path: str
    line: int
    options: dict[str, str] = field(default_factory=dict)
    python: str = ""
    torch: str = ""


RunState = Literal["starting", "running", "paused", "finished", "failed", "lost"]
"""What a branch is doing; "lost" is a session that died before it could say how the branch ended."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of samples: the first, or what followed a reset.

    Attributes:
        id: 0 for the first.
        parent: The branch it came from, None for the first.
        reason: Why it began: "start", "reset", what was set by hand, or how it differs from its parent.
        began: Seconds since 1970.
        state: What it is doing, or how it ended.
        detail: The end in words: a traceback, a signal, an exit code.
        exit_code: The exit code of the training, None while it lives.
        steps: How many samples it has.
        forked: So many of them are its parent's; 0 for one that began before the first sample.
    """

    id: int
    parent: int | None
    reason: str
    began: float
    state: RunState
    detail: str = ""
    exit_code: int | None = None
    steps: int = 0
    forked: int = 0
