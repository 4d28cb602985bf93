"""What is asked about a tensor → what is shown of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from bptui.debuggee.live import Live
from bptui.debuggee.remembered import Copy, Remembered
from bptui.debuggee.stats import UNREADABLE, as_tensor, kind_of
from bptui.debuggee.tensor_stats import count
from bptui.debuggee.tensor_view import NoNumbers, Slice, cut, first_nonfinite, plain
from bptui.debuggee.unobserved import unobserved
from bptui.protocol import Answer, Inspect, Inspected, SaveTensor, TensorCounted, TensorRef, TensorSaved
from bptui.protocol.indexing import BadIndex, default_index, index_text


class Subject(NamedTuple):
    """What is asked about.

    Attributes:
        value: The tensor, array or number itself.
        parts: What else there is of it.
        before: As the sample before has left it.
        remark: What is to be said of it.
    """

    value: Any
    parts: tuple[str, ...] = ()
    before: Copy | None = None
    remark: str = ""


class Answers:
    """Answers for one process."""

    def __init__(self, live: Live, remembered: Remembered) -> None:
        """Know where to look.

        Args:
            live: The tensors of the stop.
            remembered: Those of the sample before.
        """
        self._live = live
        self._remembered = remembered

    def to(self, command: Inspect | SaveTensor, steps: int) -> Iterator[Answer | None]:
        """The answers, one after another; None between them after some milliseconds of work.

        Never raises: what goes wrong is said in an answer.

        Args:
            command: What is asked.
            steps: After how many samples the training stands.
        """
        work = self._show(command) if isinstance(command, Inspect) else self._save(command)
        while True:
            try:
                with unobserved():
                    answer = next(work)
            except StopIteration:
                return
            except (NoNumbers, BadIndex) as problem:
                answer = _problem(command, str(problem))
            except Exception as error:  # of whatever half-broken tensor
                answer = _problem(command, f"it can not be read: {error!r}"[:200])
            yield answer

    def _find(self, ref: TensorRef) -> Subject:
        self._remembered.note(ref)
        found = self._live.find(ref)
        if not isinstance(found, torch.Tensor):
            return Subject(found)
        if found.is_leaf and found.requires_grad:
            return self._of_leaf(found, ref)
        parts = tuple(part for part in ("value", "grad") if ref.kind == "row" and self._is_held(ref, part))
        return Subject(found, parts, self._remembered.of(ref))

    def _is_held(self, ref: TensorRef, part: str) -> bool:
        rows = self._live.rows
        return (rows.grads if part == "grad" else rows.values).get(ref.index) is not None

    def _of_leaf(self, leaf: torch.Tensor, ref: TensorRef) -> Subject:
        grad, states = leaf.grad, self._live.states(leaf)
        before = self._remembered.of_leaf(leaf, ref.part)
        value_before = self._remembered.of_leaf(leaf, "value")
        is_there = {"grad": grad is not None, "update": value_before is not None}
        parts = ("value", *(part for part, there in is_there.items() if there), *states)
        match ref.part:
            case "value":
                return Subject(leaf, parts, before, "as it is now")
            case "grad" if grad is not None:
                return Subject(grad, parts, before, "its .grad as it is now")
            case "grad":
                raise NoNumbers("it has no gradient: none came to it, or it was set to None since")
            case "update" if value_before is not None and value_before.tensor.shape == leaf.shape:
                change = leaf.detach() - value_before.tensor
                return Subject(change, parts, None, f"value now − value after sample {value_before.steps}")
            case "update":
                raise NoNumbers("its value of the sample before was not kept, so its change is not known")
            case key if key in states:
                return Subject(states[key], parts, None, "as the optimizer keeps it now")
        raise NoNumbers(f"no optimizer at hand keeps {ref.part!r} for it")

    def _show(self, command: Inspect) -> Iterator[Answer | None]:
        subject = self._find(command.tensor)
        try:
            tensor = as_tensor(subject.value)
            if tensor.is_nested:
                raise NoNumbers("it is a nested tensor: its parts have no shape in common")
            kind = kind_of(subject.value)
        except UNREADABLE as error:
            raise NoNumbers("it has no numbers to look at") from error
        base = Inspected(command.request, "", kind.shape, kind.dtype, kind.device, subject.remark, subject.parts)
        try:
            numbers, remark = plain(tensor)
        except NoNumbers as problem:
            yield replace(base, problem=str(problem))
            return
        remark = "; ".join(filter(None, (subject.remark, remark)))
        base = replace(base, remark=remark, dims=tuple(numbers.shape))
        part = cut(numbers, command.index or default_index(numbers.shape), command.window[1])
        found: tuple[int, int] | None = None
        if command.find:
            for place in _nonfinite(numbers, part, command):
                yield None
                part, found = place or (part, found)
        yield self._window(base, command, part, subject.before, found)
        if command.bins:
            for counted in count(numbers, kind.shape, kind.dtype, kind.device, command.bins):
                yield None if counted is None else TensorCounted(command.request, *counted)

    def _window(
        self, base: Inspected, command: Inspect, part: Slice, before: Copy | None, found: tuple[int, int] | None
    ) -> Inspected:
        old = _alike(before, base, part)
        first, room = _around(found, command.first, command.window), command.window
        heat, every = part.heat(command.heat)
        return replace(
            base, index=part.index, size=part.size, is_vector=part.is_vector, first=first,
            values=part.window(first, room),
            before=() if old is None else cut(old, part.index, room[1]).window(first, room),
            before_steps=before.steps if before is not None and old is not None else -1,
            heat=heat, every=every, found=found,
        )  # fmt: skip

    def _save(self, command: SaveTensor) -> Iterator[Answer]:
        tensor, remark = plain(as_tensor(self._find(command.tensor).value))
        if tensor.dtype not in _OF_NUMPY:
            remark = f"{remark}; as float32: NumPy has no {str(tensor.dtype).removeprefix('torch.')}".strip("; ")
            tensor = tensor.float()
        path = Path(command.path)
        try:
            with path.open("xb") as file:
                np.save(file, tensor.cpu().numpy(), allow_pickle=False)
        except FileExistsError:
            yield TensorSaved(command.request, f"there already, nothing written: {path}", False)
        except OSError as error:
            path.unlink(missing_ok=True)
            yield TensorSaved(command.request, f"not written, {error.strerror or error}: {path}", False)
        else:
            shape = "×".join(map(str, tensor.shape)) or "a single number"
            yield TensorSaved(command.request, f"{shape}{f' ({remark})' * bool(remark)} written into {path}", True)


_OF_NUMPY = frozenset({
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.float16, torch.float32, torch.float64,
})  # fmt: skip


def _nonfinite(
    numbers: torch.Tensor, part: Slice, command: Inspect
) -> Iterator[tuple[Slice, tuple[int, int]] | None]:
    """Looks for an element that is not finite: in the slice after the cursor, then in others like it.

    Yields None until the slice and the place in it are known.
    """
    after = command.cursor[0] * part.columns + command.cursor[1] + 1
    for at in first_nonfinite(part.tensor, min(after, part.tensor.numel())):
        if at is not None:
            yield part, divmod(at, part.columns)
            return
        yield None
    for at in first_nonfinite(numbers, 0) if numbers.dim() > 2 else ():
        if at is not None:
            *outer, row, column = map(int, np.unravel_index(at, numbers.shape))
            index = index_text([*outer, slice(None), slice(None)])
            yield cut(numbers, index, command.window[1]), (row, column)
        yield None


def _problem(command: Inspect | SaveTensor, text: str) -> Answer:
    if isinstance(command, Inspect):
        return Inspected(command.request, text)
    return TensorSaved(command.request, text, False)


def _alike(before: Copy | None, now: Inspected, part: Slice) -> torch.Tensor | None:
    """The numbers of the copy, if they are of the same shape."""
    if before is None or tuple(before.tensor.shape) != now.shape or not part.tensor.numel():
        return None
    return plain(before.tensor)[0]


def _around(found: tuple[int, int] | None, first: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """Where a window begins that shows an element: where it was, if that does."""
    if found is None:
        return first
    at = [
        begin if begin <= place < begin + size else max(0, place - size // 2)
        for place, begin, size in zip(found, first, room, strict=True)
    ]
    return at[0], at[1]
