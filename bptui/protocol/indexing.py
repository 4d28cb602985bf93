"""NumPy's basic indexing as people type it: "[0, :, 3]" → what to do with each dimension."""

from __future__ import annotations

import ast
from collections.abc import Sequence

Part = int | slice
"""What is done with one dimension: one index is taken from it, or a slice."""


class BadIndex(ValueError):
    """An index that can not be used; its text is one line that says why."""


def parse_index(text: str, shape: Sequence[int]) -> tuple[Part, ...]:
    """An index with a part for each dimension, none negative.

    Integers, slices and one `...` are understood, with or without brackets and a name before them; nothing is
    ever evaluated.

    Raises:
        BadIndex: It is not of this kind, or not within the shape.
    """
    parts = [_part(each) for each in _elements(text)]
    if parts.count(...) > 1:
        raise BadIndex("only one ... may stand in an index")
    if len(parts) - parts.count(...) > len(shape):
        has = f"{len(shape)} dimension{'s' * (len(shape) != 1)}"
        raise BadIndex(f"too many indices: {len(parts) - parts.count(...)}, and the tensor has {has}")
    if ... not in parts:
        parts.append(...)
    at = parts.index(...)
    parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    return tuple(_within(part, size, dim) for dim, (part, size) in enumerate(zip(parts, shape, strict=True)))


def index_text(parts: Sequence[Part]) -> str:
    """An index as NumPy writes it: "[0, :, 3]"."""
    return f"[{', '.join(map(_text, parts))}]"


def default_index(shape: Sequence[int]) -> str:
    """The last two dimensions whole, the first index of those before them."""
    return index_text([*[0] * (len(shape) - 2), *[slice(None)] * min(2, len(shape))])


def _elements(text: str) -> list[ast.expr]:
    text = text.strip()
    if text in ("", "[]"):
        return []
    text = text[text.find("[") :] if text.endswith("]") and "[" in text else f"[{text}]"
    try:
        found = ast.parse(f"t{text}", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise BadIndex(f"{text} is no index: write integers, slices and ..., as in [0, :, 3:9]") from error
    if not isinstance(found, ast.Subscript) or not isinstance(found.value, ast.Name):
        raise BadIndex(f"{text} is more than one index: write one, as in [0, :, 3:9]")
    return found.slice.elts if isinstance(found.slice, ast.Tuple) else [found.slice]


def _part(each: ast.expr) -> object:
    if isinstance(each, ast.Constant) and each.value is ...:
        return ...
    if isinstance(each, ast.Slice):
        return slice(*(None if edge is None else _integer(edge) for edge in (each.lower, each.upper, each.step)))
    return _integer(each)


def _integer(each: ast.expr) -> int:
    sign = 1
    if isinstance(each, ast.UnaryOp) and isinstance(each.op, ast.USub | ast.UAdd):
        sign, each = (-1 if isinstance(each.op, ast.USub) else 1), each.operand
    if isinstance(each, ast.Constant) and type(each.value) is int:
        return sign * each.value
    raise BadIndex(f"{ast.unparse(each)} is neither an integer nor a slice")


def _within(part: object, size: int, dim: int) -> Part:
    if isinstance(part, slice):
        if part.step is not None and part.step <= 0:
            raise BadIndex(f"the step of dimension {dim} is {part.step}: it must be 1 or more")
        start, stop, step = part.indices(size)
        return slice(start, max(start, stop), step)
    assert isinstance(part, int)
    if not -size <= part < size:
        raise BadIndex(f"index {part} is out of range: dimension {dim} has {size} elements")
    return part % size


def _text(part: Part) -> str:
    if isinstance(part, int):
        return str(part)
    start, stop, step = part.start or "", "" if part.stop is None else part.stop, part.step or 1
    return f"{start}:{stop}" + (f":{step}" if step != 1 else "")


def short_text(parts: Sequence[Part], shape: Sequence[int]) -> str:
    """An index as short as people write it: a whole dimension is ":"."""
    return index_text([_shortened(part, size) for part, size in zip(parts, shape, strict=True)])


def _shortened(part: Part, size: int) -> Part:
    if isinstance(part, int):
        return part
    return slice(part.start or None, None if part.stop == size else part.stop, part.step)
