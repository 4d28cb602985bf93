"""What stands on the command line → a generator, its source and its options."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, GeneratorType, ModuleType
from typing import Any, cast

import torch

from bptui.debuggee.options import read_options
from bptui.debuggee.places import describe, user_traceback
from bptui.debuggee.refusal import Refusal
from bptui.loops import LESSONS
from bptui.records import Target


@dataclass(frozen=True)
class Loop:
    """A target, ready to run."""

    generator: GeneratorType[Any, None, Any]
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
    options = read_options(name, function, arguments)
    try:
        generator = function(**options)
    except Exception as error:
        raise Refusal(f"{name}: {describe(error)}", user_traceback(error)) from error
    if not isinstance(generator, GeneratorType):
        raise Refusal(f"{name} returned a {type(generator).__name__}, not a generator")
    return Loop(generator, _target(name, function, generator.gi_code, options), _source(generator.gi_code))


def _target(name: str, function: Callable[..., Any], code: CodeType, options: dict[str, Any]) -> Target:
    title = (inspect.getdoc(function) or name).splitlines()[0].rstrip(".")
    shown = {key: str(value) for key, value in options.items()}
    python, version = platform.python_version(), str(torch.__version__)
    return Target(name, title, code.co_filename, code.co_firstlineno, shown, python, version)


def _source(code: CodeType) -> str:
    try:
        return Path(code.co_filename).read_text("utf-8", "replace")
    except OSError:  # made by exec: it runs, but there is nothing to show
        return ""


def _function(name: str) -> Callable[..., Any]:
    module_name, colon, function_name = LESSONS.get(name, name).rpartition(":")
    if not colon or not module_name:
        raise Refusal(f"no such target {name!r}: give a lesson (bptui lessons lists them) or file.py:function")
    module = _module(module_name)
    function = getattr(module, function_name, None)
    if function is None:
        raise Refusal(f"{module_name} has no function {function_name!r}{_suggestion(module, function_name)}")
    if not callable(function) or not inspect.isgeneratorfunction(inspect.unwrap(function)):
        raise Refusal(f"{name} is no generator function: it has to yield a bptui.Sample per training step")
    return cast(Callable[..., Any], function)


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
            looked = f"looked in {Path.cwd()} and the environment"
            raise Refusal(f"no module named {error.name!r} ({looked})") from error
        raise Refusal(f"{name} does not import: {describe(error)}", user_traceback(error)) from error
    except BaseException as error:
        raise Refusal(f"{name} does not import: {describe(error)}", user_traceback(error)) from error


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise Refusal(f"no such file: {path}")
    path = path.resolve()
    sys.path.insert(0, str(path.parent))  # as `python file.py` does
    # A file may be called random.py: then torch still needs the other one.
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_loop"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "a name that ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
