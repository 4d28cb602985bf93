"""A window into a tensor of whatever kind: only what is shown is read, however large it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from bptui.debuggee.stats import LARGEST_DENSE
from bptui.protocol.indexing import parse_index, short_text
from bptui.protocol.messages import Rows

PIECE = 1 << 20
"""So many elements are worked on at a time: some milliseconds, then commands are looked for."""


class NoNumbers(Exception):
    """There is nothing to be shown of a tensor; its text is one line that says why."""


def plain(tensor: torch.Tensor) -> tuple[torch.Tensor, str]:
    """The same numbers as a dense tensor of real numbers, and what is to be said of that; a view where possible.

    Raises:
        NoNumbers: There are none, or not at a bounded cost.
    """
    if tensor.is_meta:
        raise NoNumbers("it is on the meta device: it has a shape, and no numbers")
    if type(tensor).__module__.startswith("torch._subclasses"):
        raise NoNumbers("it is a fake tensor: it has a shape, and no numbers")
    remarks: list[str] = []
    tensor = tensor.detach()
    for is_so, dense, kind in (
        (tensor.is_quantized, torch.Tensor.dequantize, "quantised: the numbers it stands for"),
        (tensor.layout != torch.strided, torch.Tensor.to_dense, f"{_layout(tensor)}: shown dense"),
    ):
        if is_so and tensor.numel() > LARGEST_DENSE:
            raise NoNumbers(
                f"{kind.partition(':')[0]}, of {tensor.numel():,} elements: too large to be made dense"
            )
        if is_so:
            tensor, remarks = dense(tensor), [*remarks, kind]
    if tensor.is_complex():
        remarks.append("complex: the last dimension is real, imaginary")
        tensor = torch.view_as_real(tensor.resolve_conj())
    if tensor.untyped_storage().nbytes() < tensor.nbytes and 0 not in tensor.stride():
        raise NoNumbers("its memory was given back")
    return tensor, "; ".join(remarks)


def _layout(tensor: torch.Tensor) -> str:
    return str(tensor.layout).removeprefix("torch.").replace("_", " ")


@dataclass(frozen=True)
class Slice:
    """A slice of a tensor, as rows and columns.

    Attributes:
        tensor: Its elements, of one or two dimensions.
        index: The slice as NumPy writes it.
        columns: How many columns a row has.
    """

    tensor: torch.Tensor
    index: str
    columns: int

    @property
    def is_vector(self) -> bool:
        """Whether its rows are only folds of one dimension."""
        return self.tensor.dim() == 1

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        if self.is_vector:
            return -(-self.tensor.numel() // self.columns), self.columns
        return self.tensor.shape[0], self.columns

    def window(self, first: tuple[int, int], room: tuple[int, int]) -> Rows:
        """The elements from a row and column on."""
        (row, column), (rows, columns) = first, room
        if not self.is_vector:
            return _rows(self.tensor[row : row + rows, column : column + columns])
        flat = _numbers(self.tensor[row * self.columns : (row + rows) * self.columns])
        return tuple(tuple(flat[at : at + self.columns]) for at in range(0, len(flat), self.columns))

    def heat(self, room: tuple[int, int]) -> tuple[Rows, tuple[int, int]]:
        """Evenly spaced elements for so many rows and columns of cells at most, and each so manieth they are."""
        if min(room) < 1 or not self.tensor.numel():
            return (), (1, 1)
        if self.is_vector:
            every = -(-self.tensor.numel() // (room[0] * room[1]))
            flat = _numbers(self.tensor[::every])
            return tuple(tuple(flat[at : at + room[1]]) for at in range(0, len(flat), room[1])), (1, every)
        every_row, every_column = (-(-size // most) for size, most in zip(self.size, room, strict=True))
        return _rows(self.tensor[::every_row, ::every_column]), (every_row, every_column)


def cut(tensor: torch.Tensor, text: str, fold: int) -> Slice:
    """A slice of one or two dimensions; of what is left of more, the first.

    Raises:
        BadIndex: The index can not be used.
    """
    parts = list(parse_index(text, tensor.shape))
    for dim in [dim for dim, part in enumerate(parts) if isinstance(part, slice)][:-2]:
        part = parts[dim]
        assert isinstance(part, slice)
        if part.stop > part.start:
            parts[dim] = part.start
    found = tensor[tuple(parts)]
    if found.dim() > 2:  # an empty dimension of several
        found = found.reshape(0)
    found = found.reshape(1) if found.dim() == 0 else found
    columns = max(1, min(fold, found.numel())) if found.dim() == 1 else found.shape[1]
    return Slice(found, short_text(parts, tensor.shape), columns)


def pieces(tensor: torch.Tensor, most: int = PIECE) -> Iterator[torch.Tensor]:
    """Views that together are the tensor, in row-major order, none of more than so many elements."""
    if tensor.numel() <= most:
        yield tensor
        return
    inner = tensor.numel() // tensor.shape[0]
    for part in torch.split(tensor, max(1, most // inner)):
        yield from pieces(part[0] if len(part) == 1 else part, most)


def first_nonfinite(tensor: torch.Tensor, after: int) -> Iterator[int | None]:
    """Looks for the first element after so many that is not finite, then from the beginning on.

    Yields None until its flat index is found; nothing more if there is none.
    """
    if not tensor.is_floating_point():
        return
    for start, stop in ((after, tensor.numel()), (0, after)):
        for at in _nonfinite(tensor, start, stop):
            yield at
            if at is not None:
                return


def _nonfinite(tensor: torch.Tensor, start: int, stop: int) -> Iterator[int | None]:
    """The flat index of the first one within these bounds."""
    begins = 0
    for piece in pieces(tensor):
        count = piece.numel()
        if begins + count > start and begins < stop:
            low, high = max(start - begins, 0), min(stop - begins, count)
            bad = ~torch.isfinite(_arithmetic(piece).reshape(-1)[low:high])
            if bool(bad.any()):
                yield begins + low + int(bad.nonzero()[0])
                return
            yield None
        begins += count


def _arithmetic(tensor: torch.Tensor) -> torch.Tensor:
    """In a dtype that has arithmetic: float8 has none."""
    is_small = tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64)
    return tensor.float() if is_small else tensor


def _numbers(tensor: torch.Tensor) -> list[Any]:
    """The numbers themselves: each float of any width is one of Python's."""
    found: list[Any] = _arithmetic(tensor).tolist()
    return found


def _rows(tensor: torch.Tensor) -> Rows:
    return tuple(map(tuple, _numbers(tensor)))
