"""PyTorch's own table of derivatives, read where it lies in the installed torch."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PATH = ("packaged", "autograd", "derivatives.yaml")
"""Where the table lies in the package torchgen, which comes with torch."""

_LIST = re.compile(r"Tensor\??(\(.*\))?\[\]")
_KEY = re.compile(r"( *)(- )?([\w, ]+): *(.*)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One op, or one dispatch key of it, in the table.

    Attributes:
        node: The name of its autograd node: "MulBackward0".
        signature: "mul.Tensor(Tensor self, Tensor other) -> Tensor".
        formulas: The formula of each differentiable input, in the order of the signature and of the node's edges.
        lists: Which of the inputs are lists of tensors, each of which has an edge.
    """

    node: str
    signature: str
    formulas: dict[str, str]
    lists: frozenset[str]

    @property
    def op(self) -> str:
        """The op without its overload: "mul"."""
        return re.split(r"[.(]", self.signature, maxsplit=1)[0]


def where() -> Path | None:
    """The table's file, None if this torch came without it."""
    spec = importlib.util.find_spec("torchgen")
    paths = [Path(place, *PATH) for place in (spec.submodule_search_locations or ()) if spec] if spec else []
    return next((path for path in paths if path.is_file()), None)


@functools.cache
def table() -> dict[str, Entry]:
    """The entries by the name of their node, empty without the file; it is read once, in 20 ms."""
    path = where()
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path else []
    except OSError:
        return {}
    return {entry.node: entry for entry in _numbered(_raw_entries(lines))}


def entry_of(node: str) -> Entry | None:
    """The entry of an autograd node: that of ExpandBackward0 is that of ExpandBackward0_copy too."""
    return table().get(node.removesuffix("_copy"))


def _raw_entries(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    """The signature of each entry, and its formulas by dispatch key: of YAML no more than this file uses."""
    signature, formulas, dispatch, key = "", dict[str, dict[str, str]](), "Default", ""
    for line in filter(lambda line: line.strip() and not line.lstrip().startswith("#"), lines):
        value = formulas.get(dispatch, {}).get(key, "")
        match = None if _is_open(value) else _KEY.fullmatch(line)
        if match is None:
            formulas[dispatch][key] = f"{value} {line.strip()}"
            continue
        indent, begins, name, text = match.groups()
        if begins:
            if signature:
                yield signature, formulas
            signature, formulas, dispatch, key = text.strip("'\""), {"Default": {}}, "Default", ""
        elif not text and name != "dispatch" and len(indent) == 4:
            dispatch, key = name, ""
            formulas.setdefault(dispatch, {})
        elif name != "dispatch":
            key = name
            formulas[dispatch][key] = text if text.startswith(("'", '"')) else re.sub(r"\s+#.*", "", text)
    if signature:
        yield signature, formulas


def _is_open(value: str) -> bool:
    """Whether a quoted value goes on in the next line."""
    return value[:1] in {'"', "'"} and (len(value) == 1 or value[-1] != value[0])


def _numbered(raw: Iterable[tuple[str, dict[str, dict[str, str]]]]) -> Iterator[Entry]:
    """Entries with the names of their nodes: torchgen counts the overloads that have a derivative, by name.

    After `create_differentiability_info` in torchgen/packaged/autograd/load_derivatives.py.
    """
    seen: Counter[str] = Counter()
    for signature, dispatches in raw:
        arguments = dict(_arguments(signature))
        for key, formulas in dispatches.items():
            known = {
                name.strip(): _unquoted(text)
                for names, text in formulas.items()
                for name in names.split(",")
                if text.strip().lower() != "non_differentiable"
            }
            differentiable = {name: known[name] for name in arguments if name in known}
            if not differentiable:
                continue
            prefix = _prefix(signature) + key.replace("Default", "")
            lists = frozenset(name for name in differentiable if _LIST.match(arguments[name]))
            yield Entry(f"{prefix}{seen[prefix]}", signature, differentiable, lists)
            seen[prefix] += 1


def _prefix(signature: str) -> str:
    name = re.split(r"[.(]", signature, maxsplit=1)[0]
    camel = "".join(part.title() for part in name.split("_"))
    return f"{camel}Backward".replace("ForwardBackward", "Backward")


def _arguments(signature: str) -> Iterator[tuple[str, str]]:
    """The name and the type of each argument."""
    inside = signature[signature.index("(") + 1 : signature.rindex(") ->")]
    for argument in re.split(r",\s*(?![^(\[]*[)\]])", inside):
        kind, _, name = argument.partition("=")[0].strip().rpartition(" ")
        if name:
            yield name, kind


def _unquoted(text: str) -> str:
    text = text.strip()
    if text[:1] == text[-1:] and text[:1] in {'"', "'"}:
        text = text[1:-1].replace('\\"', '"')
    return re.sub(r"\s+", " ", text).strip()
