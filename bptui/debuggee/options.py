"""A loop's parameters as command-line options: --lr 0.1, --zero-grad, --no-zero-grad."""

from __future__ import annotations

import argparse
import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Union, get_args, get_origin

from bptui.debuggee.refusal import Refusal

_KINDS: dict[Any, type] = {kind: kind for kind in (bool, int, float, str)}
_KINDS |= {kind.__name__: kind for kind in (bool, int, float, str)}


def read_options(name: str, function: Callable[..., Any], arguments: Sequence[str]) -> dict[str, Any]:
    """The values of the function's parameters, from the command line or their defaults.

    Raises:
        Refusal: An option is unknown, missing or of the wrong kind; or help was asked for.
    """
    parser = _Parser(
        prog=name, description=inspect.getdoc(function), conflict_handler="resolve",
        formatter_class=argparse.RawTextHelpFormatter,
    )  # fmt: skip
    for parameter in _parameters(function):
        _add_option(parser, parameter)
    return vars(parser.parse_args(arguments))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(f"{self.prog}: {message} (bptui run {self.prog} --help lists the options)")

    def print_help(self, file: Any = None) -> NoReturn:
        raise Refusal(self.format_help().rstrip(), code=0)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(function, eval_str=True)
    except Exception:  # an annotation that is only there for a type checker
        signature = inspect.signature(function)
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [parameter for parameter in signature.parameters.values() if parameter.kind not in variable]


def _add_option(parser: argparse.ArgumentParser, parameter: inspect.Parameter) -> None:
    flag, kind = "--" + parameter.name.replace("_", "-"), _kind(parameter)
    common: dict[str, Any] = {"dest": parameter.name, "required": parameter.default is parameter.empty}
    if not common["required"]:
        common |= {"default": parameter.default, "help": f"default {parameter.default}".replace("%", "%%")}
    if kind is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **common)
    else:
        parser.add_argument(flag, type=kind, **common)


def _kind(parameter: inspect.Parameter) -> type:
    """What a parameter takes: as annotated, else as its default is, else text."""
    annotation = parameter.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(part for part in get_args(annotation) if part is not types.NoneType)
    return _KINDS.get(annotation) or _KINDS.get(type(parameter.default), str)
