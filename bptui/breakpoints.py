"""How a breakpoint is written, and what it means: "train.py:42", "op conv2d", "nan", "loss > 3"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import CodeType
from typing import NamedTuple

from bptui.errors import BptuiError
from bptui.expressions import BadExpression, parse, parse_message, suggestion
from bptui.records import PHASES, Breakpoint

_LINE = re.compile(r"(?P<path>.+\.py):(?P<line>\d+)")
_LINE_IF = re.compile(r"(?P<where>(?P<path>.+\.py):\d+)(?:\s+if\s+(?P<condition>.+))?")
_WORD = re.compile(r"[\w./*?\[\]#-]*")
_IF = re.compile(r"(?:^|\s)if\s")

NAN = "nonfinite(loss) or nonfinite(grad) or nonfinite(param)"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _count(what: str) -> str:
    if not what.isdecimal() or len(what) > 15:
        raise BptuiError(f"not a whole number: {what!r}")
    return what


def _number(what: str) -> str:
    try:
        return repr(float(what))
    except ValueError:
        raise BptuiError(f"not a number: {what!r}") from None


def _phase(what: str) -> str:
    if what not in PHASES:
        raise BptuiError(f"no phase is called {what!r}: forward, backward or update")
    return f"phase == {_quoted(what)}"


class Kind(NamedTuple):
    """A kind of breakpoint.

    Attributes:
        help: How it is written, and when it stops.
        condition: The condition that it is, from what follows its name.
        default: What is meant if nothing follows; None if something has to, "" if nothing can.
        each: Whether it hits each time, not only when its condition begins to hold.
    """

    help: str
    condition: Callable[[str], str]
    default: str | None = None
    each: bool = False


KINDS = {
    "op": Kind("op conv2d: after each such op, or node", lambda what: f"op == {_quoted(what)}", each=True),
    "module": Kind("module blocks.*.attn: when its ops begin", lambda what: f"matches(module, {_quoted(what)})"),
    "param": Kind(
        "param fc1.weight: when its gradient has come", lambda what: f"matches(leaf, {_quoted(what)})", each=True
    ),
    "phase": Kind("phase backward: when it begins", _phase),
    "sample": Kind("sample 20: of every epoch", lambda what: f"sample == {_count(what)}", each=True),
    "epoch": Kind("epoch 3: after its first sample", lambda what: f"epoch == {_count(what)}"),
    "nan": Kind("nan: first NaN or Inf in loss, gradients, parameters; back to the op", lambda what: NAN, ""),
    "norm": Kind("norm 100: the norm of all gradients", lambda what: f"norm(grad) > {_number(what)}", "10"),
    "spike": Kind(
        "spike 3: the loss is 3 × its mean of 10", lambda what: f"loss > {_number(what)} * mean(loss, 10)",
        "3",
    ),
    "frozen": Kind(
        "frozen 3: updates left a parameter as it was", lambda what: f"any(unchanged(param, {_count(what)}))",
        "3",
    ),
    "nograd": Kind("nograd: a parameter got no gradient", lambda what: "any(missing(grad))", ""),
}  # fmt: skip
"""What a breakpoint may be about, beside lines and conditions."""


_WAYS = f"FILE.py:LINE, {', '.join(KINDS)}, or a condition such as loss > 3"


def parse_breakpoint(text: str, id: int = 0, temporary: bool = False, message: str = "") -> Breakpoint:  # noqa: A002
    """A breakpoint, from how it is written.

    Args:
        text: A place, a condition, or "PLACE if CONDITION".
        id: Its number.
        temporary: Whether it goes with its first stop.
        message: What it says instead of stopping.

    Raises:
        BptuiError: It is none; the text is one line.
    """
    if message:
        parse_message(message)
    where, condition = _parted(text)
    if condition:
        parse(condition)
    place, is_each, path, line = _place(where, bool(condition))
    whole = f"({place}) and ({condition})" if place and condition else place or condition
    if whole:
        parse(whole)
    text = " ".join(text.split())
    if line:
        text = f"{Path(path).name}:{line}" + (f" if {condition}" if condition else "")
    return Breakpoint(
        id, text, whole, path, line, is_each or bool(line or message), is_temporary=temporary, message=message
    )


def written(breakpoint_: Breakpoint) -> str:
    """How to write it so that `parse_any` gives it again, wherever one is."""
    text = breakpoint_.text
    if breakpoint_.line and not breakpoint_.message:
        text = breakpoint_.path.removesuffix(Path(breakpoint_.path).name) + text
    return f"once {text}" if breakpoint_.is_temporary else text


def named(breakpoint_: Breakpoint) -> tuple[str, str]:
    """The kind of what a breakpoint is about, and its name: ("op", "conv2d"); ("", "") of another one."""
    where, _ = _parted(breakpoint_.text)
    kind, _, what = where.partition(" ")
    return (kind, what) if kind in KINDS and not (breakpoint_.line or breakpoint_.message) else ("", "")


def parse_any(text: str, id: int = 0) -> Breakpoint:  # noqa: A002
    """A breakpoint, one that stops once ("once PLACE"), or a logpoint ("log MESSAGE [if CONDITION]").

    Raises:
        BptuiError: It is none of them.
    """
    word, _, rest = text.strip().partition(" ")
    if word == "log":
        return parse_log(rest, id)
    return parse_breakpoint(rest, id, temporary=True) if word == "once" else parse_breakpoint(text, id)


def parse_log(text: str, id: int = 0) -> Breakpoint:  # noqa: A002
    """A logpoint: MESSAGE [if CONDITION], or [PLACE] after "at"; a message in quotes may hold these words.

    Raises:
        BptuiError: The message or the condition is wrong.
    """
    quoted = re.fullmatch(r"""\s*(['"])(?P<message>.*?)\1\s*(?P<rest>.*)""", text)
    found = quoted or re.fullmatch(r"(?P<message>.*?)(?P<rest>\s(?:if|at)\s.*)?", text.strip())
    message, rest = (found["message"], (found["rest"] or "").strip()) if found else ("", "")
    if not message.strip():
        raise BptuiError("log what? log loss {loss:.3f} if step % 10 == 0")
    where = rest.removeprefix("at ").strip() or "if step > 0"
    made = parse_breakpoint(where, id, message=message.strip())
    return replace(made, text=f"log {text.strip()}")


def next_code_line(text: str, line: int) -> int | None:
    """The first line from here on that Python stops at, None if there is none.

    Args:
        text: A file's.
        line: From 1.
    """
    try:
        codes = [compile(text, "<file>", "exec")]
    except (SyntaxError, ValueError):
        return line
    lines: set[int] = set()
    for code in codes:  # it grows by the functions in it
        lines |= {each for _, _, each in code.co_lines() if each}
        codes += [const for const in code.co_consts if isinstance(const, CodeType)]
    return min((each for each in lines if each >= line), default=None)


def _parted(text: str) -> tuple[str, str]:
    """Place and condition; the path of a file may hold what parts them elsewhere."""
    line = _LINE_IF.fullmatch(text.strip())
    if line and Path(line["path"]).expanduser().is_file():
        return line["where"], line["condition"] or ""
    text = " ".join(text.split())
    found = _IF.search(text)
    return (text[: found.start()].strip(), text[found.end() :]) if found else (text, "")


def _place(where: str, has_condition: bool) -> tuple[str, bool, str, int]:
    """The condition that a place is, whether each hit counts, its file and line."""
    if found := _LINE.fullmatch(where):
        path, line = Path(found["path"]).expanduser(), int(_count(found["line"]))
        if not line:
            raise BptuiError(f"lines are counted from 1: {where}")
        if not path.is_file():
            return "", True, str(path), line
        code = next_code_line(path.read_text(errors="replace"), line)
        if code is None:
            raise BptuiError(f"there is no code in {path.name} from line {line} on")
        return "", True, str(path.resolve()), code
    if not where and has_condition:
        return "", False, "", 0
    name, _, what = ("phase", "", where) if where in PHASES else where.partition(" ")
    kind = KINDS.get(name)
    if kind is None or not _WORD.fullmatch(what):
        return _expression(where), False, "", 0
    if what and kind.default == "":
        raise BptuiError(f"nothing can follow {name}: {kind.help}")
    if not what and kind.default is None:
        raise BptuiError(f"{name} of what? {kind.help}")
    return kind.condition(what or kind.default or ""), kind.each, "", 0


def _expression(where: str) -> str:
    if where.isdecimal():
        raise BptuiError(f"{where} of what? sample {where}, epoch {where}, or FILE.py:{where}")
    try:
        return parse(where).text
    except BadExpression as error:
        if re.fullmatch(r"[\w./*-]+( [\w./*-]+)?", where):
            word = where.split()[0]
            hint = suggestion(word, KINDS) or f"; an op is written op {word}"
            raise BptuiError(f"no breakpoint is written {where!r}{hint}: {_WAYS}") from error
        raise


def is_at(breakpoint_: Breakpoint, path: str, line: int) -> bool:
    """Whether a breakpoint is on this line; of a file that was not found, the end of its path is enough."""
    at = breakpoint_.path
    return breakpoint_.line == line > 0 and (path == at or path.endswith(f"/{at}"))


def free_id(known: Iterable[Breakpoint]) -> int:
    """The number of the next one."""
    return 1 + max((each.id for each in known), default=0)


def is_same_line(one: Breakpoint, other: Breakpoint) -> bool:
    """Whether both are on one line."""
    return one.line == other.line > 0 and one.path == other.path


def sample_index(breakpoint_: Breakpoint) -> int | None:
    """The position in the epoch, from 0, of one that stops there always: "sample 20"."""
    word, _, number = breakpoint_.text.partition(" ")
    is_plain = word == "sample" and number.isdecimal() and not breakpoint_.message
    return int(number) - 1 if is_plain else None
