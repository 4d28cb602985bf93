"""Ops that move numbers and change none: the gradient takes the way back."""

from __future__ import annotations

from collections.abc import Callable

import torch

from bptui.explain.rule import Rule, Symbol
from bptui.explain.saved import Saved, Unknown

Back = Callable[[Saved], torch.Tensor]
"""The gradient of the output, where it goes in the input."""

_ELSEWHERE = "entries that were not taken get 0"
_SUMMED = "Σ goes over the places to which an entry was taken"


def _moved(equation: str, back: Back | None = None, name: str = "self", remark: str = "") -> Rule:
    """Each entry goes to one place at most."""
    return Rule(equation, {name: "g"}, letters={name: "a"}, spread=back, remark=remark)


def _summed(equation: str, back: Back, name: str = "self", letter: str = "a", remark: str = _SUMMED) -> Rule:
    """An entry may have gone to several places, and gets the sum of their gradients."""
    symbols: dict[str, Symbol] = {"Σ": lambda saved: lambda _: back(saved)}
    return Rule(equation, {name: "Σ(g)"}, symbols, {name: letter}, remark=remark)


def _reshaped(saved: Saved) -> torch.Tensor:
    return saved.g.reshape(saved.shape)


def _permuted_back(saved: Saved) -> torch.Tensor:
    dims, rank = saved["dims"], len(saved.shape)
    return saved.g.permute(sorted(range(rank), key=lambda at: dims[at] % rank))


def _taken(take: Callable[[Saved, torch.Tensor], torch.Tensor]) -> Back:
    """Zeros of the input's shape, in which the gradient stands where the op took its numbers from."""

    def back(saved: Saved) -> torch.Tensor:
        zeros = saved.g.new_zeros(saved.shape)
        take(saved, zeros).copy_(saved.g)
        return zeros

    return back


def _transposed(saved: Saved) -> torch.Tensor:
    return saved.g.transpose(saved["dim0"], saved["dim1"])


def _selected(saved: Saved, tensor: torch.Tensor) -> torch.Tensor:
    return tensor.select(saved["dim"], saved["index"])


def _sliced(saved: Saved, tensor: torch.Tensor) -> torch.Tensor:
    where: list[slice] = [slice(None)] * tensor.dim()
    where[saved["dim"]] = slice(saved.get("start", 0), saved.get("end"), saved["step"])
    return tensor[tuple(where)]


def _unsorted(saved: Saved) -> torch.Tensor:
    return saved.g.new_zeros(saved.shape).scatter(saved["dim"], saved.tensor("indices"), saved.g)


def _parts_together(join: Callable[..., torch.Tensor]) -> Back:
    return lambda saved: join(saved.grads, saved["dim"])


def _part_of_cat(saved: Saved) -> torch.Tensor:
    dim = saved["dim"] % len(saved.out_shape)
    sizes = [None if shape is None else 0 if shape == (0,) else shape[dim] for shape in saved.sizes]
    unknown = sizes.count(None)
    if unknown == 1:
        sizes[sizes.index(None)] = saved.out_shape[dim] - sum(size or 0 for size in sizes)
    before = sizes[: saved.at]
    if None in before:
        raise Unknown("where it begins is not known: more than one tensor before it needs no gradient")
    return saved.g.narrow(dim, sum(size or 0 for size in before), saved.shape[dim])


def _part_of_stack(saved: Saved) -> torch.Tensor:
    return saved.g.select(saved["dim"], saved.at)


def _indexed(saved: Saved) -> torch.Tensor:
    zeros = saved.g.new_zeros(saved.shape)
    found: torch.Tensor = torch.ops.aten.index_put(zeros, saved["indices"], saved.g, True)
    return found


def _gathered(saved: Saved) -> torch.Tensor:
    return saved.g.new_zeros(saved.shape).scatter_add(saved["dim"], saved["index"], saved.g)


def _index_selected(saved: Saved) -> torch.Tensor:
    return saved.g.new_zeros(saved.shape).index_add(saved["dim"], saved["index"], saved.g)


def _looked_up(saved: Saved) -> torch.Tensor:
    places, padding = saved["indices"].reshape(-1), saved["padding_idx"]
    rows = saved.g.reshape(-1, saved.g.shape[-1])
    if saved.get("scale_grad_by_freq"):
        rows = rows / torch.bincount(places)[places].unsqueeze(1)
    rows = rows * (places != padding).unsqueeze(1)
    return saved.g.new_zeros(saved.shape).index_add(0, places, rows)


_RESHAPES = ("view", "_unsafe_view", "_reshape_alias", "_reshape_copy", "squeeze", "unsqueeze")
_COPIES = ("clone", "_to_copy", "alias", "lift_fresh", "_lazy_clone")

SHAPES = {
    **dict.fromkeys(_RESHAPES, _moved("y = a in another shape", _reshaped)),
    **dict.fromkeys(_COPIES, _moved("y = a")),
    "t": _moved("y = aᵀ", lambda saved: saved.g.t()),
    "transpose": _moved("y = a with two dims exchanged", _transposed),
    "permute": _moved("y = a with its dims in another order", _permuted_back),
    "expand": _moved("y = a, repeated without a copy", remark="what was repeated gets the sum of its gradients"),
    "select": _moved("y = a at one index of a dim", _taken(_selected), remark=_ELSEWHERE),
    "slice": _moved("y = a slice of a", _taken(_sliced), remark=_ELSEWHERE),
    "diagonal": _moved("y = the diagonal of a",
                       _taken(lambda saved, a: a.diagonal(saved["offset"], saved["dim1"], saved["dim2"])),
                       remark=_ELSEWHERE),
    "index": _summed("y = a[indices]", _indexed),
    "gather": _summed("y = a at the indices, along a dim", _gathered),
    "index_select": _summed("y = some rows of a", _index_selected),
    "embedding": _summed("y = rows of W", _looked_up, "weight", "W",
                         "each row of W gets the sum of the gradients of the places where it was looked up"),
    "unbind": _moved("y₀, y₁, … = a along a dim", _parts_together(torch.stack)),
    "split": _moved("y₀, y₁, … = parts of a", _parts_together(torch.cat)),
    "split_with_sizes": _moved("y₀, y₁, … = parts of a", _parts_together(torch.cat)),
    "unsafe_split": _moved("y₀, y₁, … = parts of a", _parts_together(torch.cat)),
    "tril": _moved("y = the lower triangle of a, 0 above", lambda saved: saved.g.tril(saved["diagonal"])),
    "triu": _moved("y = the upper triangle of a, 0 below", lambda saved: saved.g.triu(saved["diagonal"])),
    "flip": _moved("y = a backwards along some dims", lambda saved: saved.g.flip(saved["dims"])),
    "sort": _moved("y = a sorted along a dim", _unsorted),
    "topk": _moved("y = the largest of a along a dim", _unsorted, remark=_ELSEWHERE),
    "cat": _moved("y = a₀, a₁, … one after the other", _part_of_cat, "tensors"),
    "stack": _moved("y = a₀, a₁, … along a new dim", _part_of_stack, "tensors"),
}  # fmt: skip
