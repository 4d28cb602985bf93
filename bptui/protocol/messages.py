"""Every message that crosses a process border, by who says it to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from bptui.records import (
    QUANTITIES,
    Breakpoint,
    CheckName,
    Edit,
    Hit,
    Hits,
    InsideStop,
    Layout,
    OptimizerRates,
    Parameter,
    RunState,
    Stack,
    Target,
    TensorSummary,
    TrainingCheck,
    Value,
)

PROTOCOL_VERSION = 5
"""Raised whenever an old peer would misunderstand a new one."""

_ROW_BYTES = 8 * (2 + len(QUANTITIES))

ABSENT = -1.0
"""Stands for a norm that is not there."""

Granularity = Literal["op", "row", "module", "phase", "sample", "epoch", "run"]


# -- commands: app → session, and on to the debuggee --------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attach:
    """The first message of an app: who it is. A viewer's commands are refused."""

    version: int
    viewer: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Go on by `count` of `granularity`; "run" goes on to the end.

    "op" goes on to the next op or node, "module" out of the module at hand, "row" to row `count` of the graph
    shown, from 1.

    Attributes:
        granularity: What is counted.
        count: How many of them.
        until: Of "run", the expression at which it ends: after the first sample for which it holds.
    """

    granularity: Granularity
    count: int = 1
    until: str = ""

    @property
    def is_inside(self) -> bool:
        """Whether it may end inside a sample."""
        return self.granularity in ("op", "row", "module", "phase")


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop at the next op that is heard, or at the end of a sample; before the first one, at the next line.

    Attributes:
        at_once: Stop at the next line of Python, op or not.
    """

    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Breakpoints:
    """From now on stop at these, and at no others; one that was there already keeps its hits."""

    breakpoints: tuple[Breakpoint, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Find out more about a row of the graph at which the training stands; the answer is a new `Explained`.

    Attributes:
        step: The sample.
        row: The row.
        about: "numbers", how its gradient comes about; "check", whether finite differences agree with it.
    """

    step: int
    row: int
    about: Literal["numbers", "check"]


@dataclass(frozen=True, slots=True)
class Check:
    """Check the training as a whole, at the stop where it stands; a `Checked` comes for each.

    Attributes:
        step: The sample on which to check it.
        names: Which checks, in their order.
    """

    step: int
    names: tuple[CheckName, ...]


@dataclass(frozen=True, slots=True)
class Overhead:
    """From now on so much of the running time may go into graphs and statistics that nobody waits for.

    Attributes:
        share: From 0, for none at all, to 1.
        trace_from: From this sample of the run on, counted from 1, each one is traced in full; 0 for none.
    """

    share: float
    trace_from: int = 0


@dataclass(frozen=True, slots=True)
class Travel:
    """Return to where the branch has been, or go on to there if it has not; from session to debuggee only go on.

    Attributes:
        steps: After so many samples.
        inside: And then to so many-th of the stops inside the next sample, 0 for none.
        halt: And then to the so many-th hit of a breakpoint inside it, 0 for none.
        event: And then to this op, node or update inside it, of all that are heard; 0 for none.
        seek: Say what is met on the way: the stops inside the last sample, the hits of breakpoints, or which op,
            node or update of the last sample is the first with something not finite.
        branch: Of this branch, -1 for the one at hand.
        skip: Put back what the last sample has changed: "update", the parameters and what the optimizers keep;
            "sample", gradients and buffers, too. That begins another branch.
    """

    steps: int
    inside: int = 0
    halt: int = 0
    seek: Literal["", "stops", "hits", "nonfinite"] = ""
    event: int = 0
    branch: int = -1
    skip: Literal["", "update", "sample"] = ""

    @property
    def is_within(self) -> bool:
        """Whether the last sample is to be followed, to its end."""
        return self.seek == "nonfinite" or (self.seek == "stops" and not self.inside) or bool(self.skip)


@dataclass(frozen=True, slots=True)
class Race:
    """Run copies from here beside each other, each with another learning rate; each becomes a branch.

    Attributes:
        rates: The learning rates, as they were typed.
        samples: How many samples each runs.
    """

    rates: tuple[str, ...]
    samples: int


@dataclass(frozen=True, slots=True)
class Back:
    """Return by `count` samples, ops, or phases, or to the last hit of a breakpoint before.

    The beginning of a sample that is under way counts as one sample back. "nonfinite" is back to where in the
    sample at hand a number was first not finite.
    """

    granularity: Literal["sample", "op", "phase", "hit", "nonfinite"]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Zoom:
    """Execute a recorded sample of the branch again, beside the training, to have its whole graph.

    Attributes:
        step: The sample, from 0.
    """

    step: int


@dataclass(frozen=True, slots=True)
class Reset:
    """Begin again before the first sample, on a new branch.

    Attributes:
        is_anew: Whether to start the program once more, though a copy of it waits there.
    """

    is_anew: bool = False


@dataclass(frozen=True, slots=True)
class Quit:
    """End the training and the session."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Keys for the script's own terminal, as a terminal sends them."""

    keys: str


@dataclass(frozen=True, slots=True)
class Resized:
    """How much of the script's own terminal can be seen."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A tensor at the stop that is shown.

    Attributes:
        kind: Where it is to be found: "row" of the graph, "part" of a stop inside a sample, "parameter" among all,
            "variable" of a frame, "quantity" of the sample.
        index: The row, part or parameter from 0, the frame from 1.
        name: What it is called there; what has another name is not what was meant.
        part: "value", "grad", "update", or a key of the optimizer's state for it.
    """

    kind: Literal["row", "part", "parameter", "variable", "quantity"]
    index: int
    name: str
    part: str = "value"


@dataclass(frozen=True, slots=True)
class Inspect:
    """Show a part of a tensor, at the stop where the training stands; superseded by the next one.

    Attributes:
        request: Comes back with the answers.
        branch: The branch shown.
        stop: Which of its stops is shown, counted from 1.
        tensor: Which tensor.
        index: Which slice of it, as NumPy writes it; empty for the last two dimensions.
        first: The row and column of the slice at which the window begins.
        window: How many rows and columns at most; a slice of one dimension is folded into rows of so many columns.
        heat: How many rows and columns of cells a map of the slice may have; (0, 0) for none.
        bins: How many bins the histogram of the whole tensor is to have, 0 for no statistics.
        find: Whether to begin at the first element after `cursor` that is not finite.
        cursor: Row and column in the slice.
    """

    request: int
    branch: int
    stop: int
    tensor: TensorRef
    index: str = ""
    first: tuple[int, int] = (0, 0)
    window: tuple[int, int] = (0, 0)
    heat: tuple[int, int] = (0, 0)
    bins: int = 0
    find: bool = False
    cursor: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class SaveTensor:
    """Write a tensor into a new .npy file.

    Attributes:
        request: Comes back with the answer.
        branch: The branch shown.
        stop: Which of its stops is shown.
        tensor: Which tensor.
        path: The file, absolute.
    """

    request: int
    branch: int
    stop: int
    tensor: TensorRef
    path: str


@dataclass(frozen=True, slots=True)
class Evaluate:
    """What is this expression of Python, where the training stands?

    Attributes:
        request: Comes back with the answer.
        text: The expression.
        frame: In which of the user's frames, from 1, the innermost.
    """

    request: int
    text: str
    frame: int = 1


@dataclass(frozen=True, slots=True)
class Interrupt:
    """End the evaluation that is under way."""


@dataclass(frozen=True, slots=True)
class Assign:
    """Set something, where the training stands.

    Attributes:
        request: Comes back with the answer.
        target: A variable, or a part of one: "w[0]"; "lr" and "lr[1]" are those of the optimizer.
        value: An expression of Python.
        frame: In which of the user's frames, from 1, the innermost.
    """

    request: int
    target: str
    value: str
    frame: int = 1


@dataclass(frozen=True, slots=True)
class Watches:
    """From now on watch these expressions, and no others."""

    expressions: tuple[str, ...]


Command: TypeAlias = (
    Attach
    | Step
    | Travel
    | Back
    | Race
    | Zoom
    | Pause
    | Ask
    | Check
    | Breakpoints
    | Overhead
    | Reset
    | Quit
    | Typed
    | Resized
    | Inspect
    | SaveTensor
    | Evaluate
    | Interrupt
    | Assign
    | Watches
)


# -- notices: session → app ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to `Attach`: where the recording is."""

    version: int
    recording: str


@dataclass(frozen=True, slots=True)
class Status:
    """What the recording holds now, and what the debuggee does.

    Attributes:
        state: What the branch is doing.
        branch: The branch at hand.
        steps: How many samples of it are committed.
        revision: Grows whenever something else was committed: a graph, output, the target.
        breakpoints: Where it stops.
        hits: What has become of each of them on this branch.
        hit: Those at which it stands, by their numbers.
        watches: What is watched.
        pausing: A pause was asked for and the sample at hand is not done yet.
        detail: What is happening while starting; how it ended after that.
        samples_per_second: Of the last second, 0 while it is not running.
        trouble: Why nothing is recorded any more, empty while it is.
        live: The newest sample in one line, only while nothing is recorded.
        refused: The one line with which the target was refused, empty if it was not.
        exit_code: The exit code of the training or of the refusal, None while it lives.
        has_terminal: Whether there is a script that reads a terminal of its own.
        waits_for_input: Whether it waits for something to be typed there, as far as the kernel tells.
        stop: How many stops the branch has had.
        recorded: How many samples the branch has, also those after the place to which it has returned.
        checkpoints: After how many samples of the branch there are copies to return to, in their order.
        checkpoint_bytes: How much memory they have of their own.
        no_return: Why no copies are made, empty if they are.
        differs: Where a sample that was run again was not what is recorded, empty if none was.
        unmoved: How often there was no way to where it was sent.
        zoom: Which sample is executed again for its graph, or why that was not possible, in one line.
    """

    state: RunState
    branch: int
    steps: int
    revision: int = 0
    breakpoints: tuple[Breakpoint, ...] = ()
    pausing: bool = False
    detail: str = ""
    samples_per_second: float = 0.0
    trouble: str = ""
    live: str = ""
    refused: str = ""
    exit_code: int | None = None
    has_terminal: bool = False
    waits_for_input: bool = False
    stop: int = 0
    hits: tuple[Hits, ...] = ()
    hit: tuple[int, ...] = ()
    watches: tuple[str, ...] = ()
    recorded: int = 0
    checkpoints: tuple[int, ...] = ()
    checkpoint_bytes: int = 0
    no_return: str = ""
    differs: str = ""
    unmoved: int = 0
    zoom: str = ""


Rows = tuple[tuple[float, ...], ...]
"""Numbers row by row; the last row of a vector that is folded may be shorter."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """The answer to `Inspect`, from the debuggee through the session.

    Attributes:
        request: Of which request.
        problem: Why nothing is shown, in one line.
        shape: Of the whole tensor.
        dtype: Without its library.
        device: Where it lives.
        remark: What is to be said of it.
        parts: What else there is of it: "grad", "update", "exp_avg".
        dims: The shape that the index is into: of a complex tensor there is one dimension more.
        index: The slice that is shown.
        size: How many rows and columns the slice has.
        is_vector: Whether it has one dimension, and its rows are only folds of it.
        first: The row and column at which the window begins.
        values: The window.
        before: The same of the previous sample, if it is known.
        before_steps: After how many samples that was.
        heat: Some elements of the slice, evenly spaced.
        every: Each so manieth row and column of the slice.
        found: The element that was looked for.
    """

    request: int
    problem: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    device: str = ""
    remark: str = ""
    parts: tuple[str, ...] = ()
    dims: tuple[int, ...] = ()
    index: str = ""
    size: tuple[int, int] = (0, 0)
    is_vector: bool = False
    first: tuple[int, int] = (0, 0)
    values: Rows = ()
    before: Rows = ()
    before_steps: int = -1
    heat: Rows = ()
    every: tuple[int, int] = (1, 1)
    found: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class TensorCounted:
    """The statistics of a tensor that was asked for, when they are done.

    Attributes:
        request: Of which request.
        summary: Of all its elements, without values.
        bins: How many finite elements lie in each of as many equal parts from the least to the greatest.
    """

    request: int
    summary: TensorSummary
    bins: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorSaved:
    """The answer to `SaveTensor`.

    Attributes:
        request: Of which request.
        text: What was written, or why nothing was.
        is_done: Whether it was.
    """

    request: int
    text: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The answer to `Evaluate`.

    Attributes:
        request: Of which request.
        value: What it is.
    """

    request: int
    value: Value


@dataclass(frozen=True, slots=True)
class Assigned:
    """The answer to `Assign`.

    Attributes:
        request: Of which request.
        text: What was set, in one line; empty if nothing was.
        problem: Why nothing was.
    """

    request: int
    text: str = ""
    problem: str = ""


Answer: TypeAlias = Inspected | TensorCounted | TensorSaved | Evaluated | Assigned
Notice: TypeAlias = Welcome | Status | Answer


# -- session → keeper and back ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """The keeper has torch; a debuggee can be forked from it."""

    version: int
    pid: int
    python: str
    torch: str


@dataclass(frozen=True, slots=True)
class Fork:
    """Start a debuggee. Four fds come with it: its channel, the memory of its `Ring`, stdout, stderr.

    Attributes:
        target: What to run.
        arguments: The target's own.
        checkpoints: The abstract Unix socket at which its copies wait, empty if none are to be made.
        threads: With copies, how many intra-op threads it has.
    """

    target: str
    arguments: tuple[str, ...] = ()
    checkpoints: str = ""
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Forked:
    """The debuggee's process."""

    pid: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The debuggee ended; negative codes are signals."""

    pid: int
    code: int


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Nothing runs at the moment: import now what the next debuggee may need."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """End the keeper and what it started."""


# -- session → checkpoint ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wake:
    """Be the training from now on; with it comes the memory of a new `Ring`, and a `Travel` says where to go.

    Attributes:
        parent: The session's process.
        stops: How many stops the branch has had.
        is_aside: Whether it is not to be the training, but only to execute a sample again beside it.
    """

    parent: int
    stops: int
    is_aside: bool = False


# -- events: debuggee → session -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loaded:
    """The target was found; nothing of the loop has run yet.

    Attributes:
        target: What was found.
        source: The text of the target's source file.
    """

    target: Target
    source: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The user's own files that were loaded before the first sample."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The target can not be debugged.

    Attributes:
        line: Why, in one line, and what to do.
        traceback: The frames of the user's code, if importing it raised.
        code: The exit code; 0 if help was asked for.
    """

    line: str
    traceback: str = ""
    code: int = 2


@dataclass(frozen=True, slots=True)
class Doing:
    """What a script is doing before its first sample."""

    what: str


@dataclass(frozen=True, slots=True)
class Found:
    """How samples and epochs were found in a script, in words."""

    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class LayoutSeen:
    """From now on samples may name this layout."""

    id: int
    layout: Layout


@dataclass(frozen=True, slots=True)
class Samples:
    """A batch of samples that share a layout.

    Attributes:
        first: The step of the first of them.
        layout: The id of their layout.
        rows: Base64 of native doubles, per sample: epoch, index, then all `QUANTITIES`, 0 where the layout has
            none; a quantity of several elements stands as its norm.
        tensors: (step, quantity, summary as JSON) of each quantity of several elements.
    """

    first: int
    layout: int
    rows: str
    tensors: tuple[tuple[int, str, str], ...] = ()

    @property
    def count(self) -> int:
        """How many samples these are."""
        return len(self.rows) // 4 * 3 // _ROW_BYTES


@dataclass(frozen=True, slots=True)
class Full:
    """The `Ring` has no room for the next sample: the training stands still until something is taken from it."""


@dataclass(frozen=True, slots=True)
class LossesSeen:
    """The losses of a sample of several backward passes.

    Attributes:
        step: The sample.
        losses: All of them as one tensor; of very many, the last ones.
    """

    step: int
    losses: TensorSummary


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that is wrong, though no number shows it, from this sample on until the next such word about it.

    Attributes:
        step: The sample.
        about: What it is: "gradient-not-zeroed", "parameter-without-gradient", "frozen-parameter",
            "update-without-backward", "loss-detached", "requires-grad-missing".
        subjects: The parameters, or what else it is about; without any, it is so no more.
    """

    step: int
    about: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RatesSeen:
    """With what learning rates the optimizers of this sample made their steps, where it is not as before.

    Attributes:
        step: The sample.
        optimizers: Those that made a step, in their order.
    """

    step: int
    optimizers: tuple[OptimizerRates, ...]


@dataclass(frozen=True, slots=True)
class ParametersSeen:
    """From now on statistics may name this set of parameters."""

    id: int
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class ParameterSamples:
    """Statistics of each parameter, at some samples that share a set; said before those samples are.

    Attributes:
        set: The id of their set.
        steps: The samples, in order.
        numbers: Base64 of native doubles, per sample and parameter: the norms of the weight after the update,
            of the gradient and of the update, `ABSENT` where there is none.
    """

    set: int
    steps: tuple[int, ...]
    numbers: str


@dataclass(frozen=True, slots=True)
class GraphTraced:
    """The computation graph of a sample.

    Attributes:
        step: The sample.
        nodes: Base64 of its rows as `pack_graph` gives them.
    """

    step: int
    nodes: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What the nodes of a traced sample do with the gradient; of a sample that was known to end at a stop.

    It comes again, with more in it, after a stop inside the sample and after an `Ask`.

    Attributes:
        step: The sample.
        explanations: Base64 of what `pack_explanations` gives.
    """

    step: int
    explanations: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check of the training, on a sample."""

    step: int
    check: TrainingCheck


@dataclass(frozen=True, slots=True)
class SourceSeen:
    """The text of a file that a sample or a frame stands in; sent once for each."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class StackSeen:
    """Where the user's code is after `steps` samples; at most 256 KB."""

    steps: int
    stack: Stack


@dataclass(frozen=True, slots=True)
class InsideSeen:
    """Where inside a sample it is about to stop.

    Attributes:
        stop: What there is to see.
        nodes: Base64 of the graph so far as `pack_graph` gives it.
    """

    stop: InsideStop
    nodes: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Paused after `steps` samples.

    Attributes:
        steps: How many samples there are.
        reason: Why here, empty if it was asked for.
        imported_late: Whether the training has imported what a warm keeper would have had ready.
        hit: The breakpoints that are why, by their numbers.
        inside: Which of the stops inside the next sample it is, from 1; 0 if it is none, or if nobody has counted.
        halt: How many hits of breakpoints there were inside it so far.
        is_amid: Whether it stands inside the next sample, or before the first one, and not between two.
    """

    steps: int
    reason: str = ""
    imported_late: bool = False
    hit: tuple[int, ...] = ()
    inside: int = 0
    halt: int = 0
    is_amid: bool = False


@dataclass(frozen=True, slots=True)
class CheckpointTaken:
    """A copy of the training waits.

    Attributes:
        steps: After so many samples.
        edits: So many times something was set by hand until there.
        inside: And at the so many-th stop inside the next one, 0 if nobody has counted; -1 for between the two.
        writes: Whether it has files open that it writes: what the copy has written there has to be there still.
    """

    steps: int
    edits: int
    inside: int = -1
    writes: bool = False


@dataclass(frozen=True, slots=True)
class CheckpointRefused:
    """No copy can be made here.

    Attributes:
        why: In one line, empty if one can be made again.
        is_final: Whether those that were made before are of no use either.
    """

    why: str
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Met:
    """What was met on the way to where the training was sent.

    Attributes:
        phases: Of the stops inside the last sample, in which part of it each was.
        hits: Of breakpoints: after how many samples, and the how many-th inside the next one, 0 for between two.
        event: The first op, node or update with something not finite, of all that are heard; 0 if there is none.
        is_older: Whether that came into the sample from one before.
    """

    phases: tuple[str, ...] = ()
    hits: tuple[tuple[int, int], ...] = ()
    event: int = 0
    is_older: bool = False


@dataclass(frozen=True, slots=True)
class BreakpointsHit:
    """What has become of some breakpoints since it was last said."""

    hits: tuple[Hits, ...]


@dataclass(frozen=True, slots=True)
class HitSeen:
    """A breakpoint has hit."""

    hit: Hit


@dataclass(frozen=True, slots=True)
class Logged:
    """What a logpoint says.

    Attributes:
        step: The sample at hand.
        text: One line.
    """

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class Edited:
    """Something was set by hand."""

    edit: Edit


@dataclass(frozen=True, slots=True)
class Watched:
    """What the expressions that are watched have come to.

    Attributes:
        steps: After so many samples.
        values: That of each expression.
    """

    steps: int
    values: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Ended:
    """The loop is over: it ran out, raised, or asked to exit.

    Attributes:
        line: How, in one line; empty if it ran out.
        traceback: The frames of the user's code, if it raised.
        code: The exit code that Python would give.
    """

    line: str = ""
    traceback: str = ""
    code: int = 0


Event: TypeAlias = (
    Ready
    | Forked
    | Exited
    | Imported
    | Loaded
    | Doing
    | Found
    | Refused
    | LayoutSeen
    | Samples
    | Full
    | LossesSeen
    | Noticed
    | RatesSeen
    | ParametersSeen
    | ParameterSamples
    | GraphTraced
    | Explained
    | Checked
    | SourceSeen
    | StackSeen
    | InsideSeen
    | BreakpointsHit
    | HitSeen
    | Logged
    | Edited
    | Watched
    | CheckpointTaken
    | CheckpointRefused
    | Met
    | Stopped
    | Ended
    | Answer
)
Message: TypeAlias = Command | Notice | Event | Wake | Fork | WarmUp | Shutdown
