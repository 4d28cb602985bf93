"""`bptui lessons`: what there is to learn from."""

from __future__ import annotations

import ast
from importlib.resources import files

from bptui.loops import LESSONS


def lessons() -> str:
    """A line for each lesson, in the order to take them: its name, its title."""
    width = max(map(len, LESSONS))
    return "\n".join(f"{name:{width}}  {title(name)}" for name in LESSONS)


def title(name: str) -> str:
    """The first line of a lesson's docstring, read from its source: to import it would be to import torch."""
    body = ast.parse(files("bptui.loops").joinpath(f"{name}.py").read_text("utf-8")).body
    (function,) = [each for each in body if isinstance(each, ast.FunctionDef) and each.name == name]
    return (ast.get_docstring(function) or name).splitlines()[0].rstrip(".")
