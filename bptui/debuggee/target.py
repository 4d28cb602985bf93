"""What stands on the command line → a generator, its source and its options."""

from __future__ import annotations

import argparse
import difflib
import importlib
import importlib.util
import inspect
import platform
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import torch

from bptui.loops import LESSONS
from bptui.records import Target

_OURS = str(Path(__file__).parent)


class Refusal(Exception):
    """The target can not be debugged; its text is one line why.

    Attributes:
        traceback: The frames of the user's code, if there are any.
        code: The exit code; 0 if help was asked for.
    """

    def __init__(self, line: str, traceback: str = "", code: int = 2) -> None:
        super().__init__(line)
        self.traceback = traceback
        self.code = code


@dataclass(frozen=True)
class Loop:
    """A target, ready to run."""

    generator: Generator[Any, None, Any]
    target: Target
    source: str


def load(name: str, arguments: Sequence[str]) -> Loop:
    """The loop of a target with its options.

    Args:
        name: A lesson's name, "package.module:function" or "file.py:function".
        arguments: The loop's own options.

    Raises:
        Refusal: There is no such target, it does not import, it is no generator function, or an option is wrong.
    """
    function = _function(name)
    options = _options(name, function, arguments)
    try:
        generator = function(**options)
        source, line = _source(function)
    except Exception as error:
        raise Refusal(f"{name}: {describe(error)}", user_traceback(error)) from error
    title = (inspect.getdoc(function) or name).splitlines()[0].rstrip(".")
    shown = {key: str(value) for key, value in options.items()}
    path = inspect.unwrap(function).__code__.co_filename
    return Loop(
        generator,
        Target(name, title, path, line, shown, platform.python_version(), str(torch.__version__)),
        source,
    )


def user_traceback(error: BaseException) -> str:
    """The traceback without the frames before the user's code."""
    shown = traceback.TracebackException.from_exception(error)
    while shown.stack and (shown.stack[0].filename.startswith((_OURS, "<frozen")) or _imports(shown.stack[0])):
        del shown.stack[0]
    return "".join(shown.format())


def describe(error: BaseException) -> str:
    """An exception in one line, with the user's line that raised it."""
    text = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((_OURS, "<frozen"))]
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text


def _imports(frame: traceback.FrameSummary) -> bool:
    return "importlib" in frame.filename


def _function(name: str) -> Callable[..., Generator[Any, None, Any]]:
    module_name, colon, function_name = LESSONS.get(name, name).rpartition(":")
    if not colon or not module_name:
        raise Refusal(f"no such target {name!r}: give a lesson ({', '.join(LESSONS)}) or file.py:function")
    module = _module(module_name)
    function = getattr(module, function_name, None)
    if function is None:
        raise Refusal(f"{module_name} has no function {function_name!r}{_suggestion(module, function_name)}")
    if not callable(function) or not inspect.isgeneratorfunction(inspect.unwrap(function)):
        raise Refusal(f"{name} is no generator function: it has to yield a bptui.Sample per training step")
    return function  # type: ignore[no-any-return]


def _suggestion(module: ModuleType, name: str) -> str:
    loops = [key for key, value in vars(module).items() if inspect.isgeneratorfunction(value)]
    close = difflib.get_close_matches(name, loops, 1) or loops
    return f"; did you mean {close[0]!r}?" if close else ", and no generator function either"


def _module(name: str) -> ModuleType:
    try:
        return _module_of_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
    except Refusal:
        raise
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise Refusal(f"no module named {error.name!r} (looked in {Path.cwd()} and the environment)") from error
        raise Refusal(f"{name} does not import: {describe(error)}", user_traceback(error)) from error
    except BaseException as error:
        raise Refusal(f"{name} does not import: {describe(error)}", user_traceback(error)) from error


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise Refusal(f"no such file: {path}")
    path = path.resolve()
    sys.path.insert(0, str(path.parent))  # as `python file.py` does
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise Refusal(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(f"{self.prog}: {message} (bptui run {self.prog} --help lists the options)")

    def print_help(self, file: Any = None) -> NoReturn:
        raise Refusal(self.format_help().rstrip(), code=0)


def _options(name: str, function: Callable[..., Any], arguments: Sequence[str]) -> dict[str, Any]:
    """The function's parameters as command-line options: --lr 0.1, --zero-grad, --no-zero-grad."""
    parser = _Parser(prog=name, description=inspect.getdoc(function), formatter_class=argparse.RawTextHelpFormatter)
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            _add_option(parser, parameter)
    return vars(parser.parse_args(arguments))


def _add_option(parser: argparse.ArgumentParser, parameter: inspect.Parameter) -> None:
    flag = "--" + parameter.name.replace("_", "-")
    if parameter.default is parameter.empty:
        parser.add_argument(flag, type=_converter(parameter.annotation), required=True)
    elif isinstance(parameter.default, bool):
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=parameter.default)
    else:
        kind = parameter.annotation if parameter.annotation is not parameter.empty else type(parameter.default)
        text = f"default {parameter.default}"
        parser.add_argument(flag, type=_converter(kind), default=parameter.default, help=text)


def _converter(kind: Any) -> Callable[[str], Any]:
    return kind if kind in (int, float, str) else str


def _source(function: Callable[..., Any]) -> tuple[str, int]:
    code = inspect.unwrap(function).__code__
    try:
        return Path(code.co_filename).read_text("utf-8", "replace"), code.co_firstlineno
    except OSError:  # made by exec: it runs, but there is nothing to show
        return "", code.co_firstlineno
