"""The command line; a layer is imported only by the command that needs it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bptui.errors import BptuiError
from bptui.records import OVERHEAD

if TYPE_CHECKING:
    from bptui.session.options import SessionOptions

LESSON = "linear"
"""What `bptui` alone runs."""

COMMANDS = ("run", "record", "open", "attach", "export", "check", "lessons")

SAMPLE_AT = ("backward", "update", "loop")
"""What a sample of a script can end with: a backward pass, an update of the weights, an iteration of a loop."""

LARGEST_COUNT = 10**15
"""A number that is no count of samples, but surely a mistake."""

RUN_OPTIONS = (
    "--record",
    "--python",
    "--log-protocol",
    "--overhead",
    "--trace-from",
    "--threads",
    "--checkpoint-memory",
    "--theme",
    "--sample-at",
    "--epoch-length",
    "--break",
    "-x",
)
"""bptui's own options of `bptui run` with a value."""

RUN_SWITCHES = ("-m", "--keep-compile", "--no-reverse", "--batch", "--json")
"""Those without one."""

OUTPUT_OPTIONS = ("-o", "--output")
"""What `bptui record` calls --record."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0, the training's own under `record`, 2 for bad input.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0] not in (*COMMANDS, "-h", "--help", "--version")):
        arguments.insert(0, "run")
    try:
        if arguments[0] == "run":
            arguments[1:] = _with_lesson(arguments[1:])
        options = _parser().parse_args(arguments)
        return int(options.command(options))
    except BptuiError as error:
        print(f"bptui: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # `bptui export … | head`
        return 0


def _with_lesson(arguments: list[str]) -> list[str]:
    """Name the lesson where no target is named: before the first option that is none of bptui's own.

    Raises:
        BptuiError: That option is `bptui record`'s.
    """
    place = 0
    while place < len(arguments):
        name, equals, _ = arguments[place].partition("=")
        if not name.startswith("-") or name in ("-h", "--help"):
            return arguments
        if name in OUTPUT_OPTIONS:
            raise BptuiError(f"{name} is an option of bptui record; of bptui run it is --record PATH")
        if name not in (*RUN_OPTIONS, *RUN_SWITCHES):
            return [*arguments[:place], LESSON, *arguments[place:]]
        place += 1 if equals or name in RUN_SWITCHES else 2
    return arguments


def _parser() -> argparse.ArgumentParser:
    from bptui import __version__

    parser = argparse.ArgumentParser(
        prog="bptui",
        description="Step through the training of a neural network: samples, epochs, gradients.",
        epilog="bptui alone steps through the first lesson, whose options may follow: bptui --lr 0.02",
    )
    parser.add_argument("--version", action="version", version=f"bptui {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_record(commands)
    _add_open(commands)
    _add_attach(commands)
    _add_export(commands)
    _add_check(commands)
    _add_lessons(commands)
    return parser


Commands = argparse._SubParsersAction  # argparse has no public name for it


def _add_run(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "run", help="step through a training in the app", description=_TARGET, allow_abbrev=False
    )
    parser.add_argument("--record", metavar="PATH", type=Path, help="record to PATH, not to the state directory")
    _add_interpreter(parser)
    _add_log(parser)
    _add_overhead(parser)
    _add_trace_from(parser)
    _add_breakpoints(parser, "stop at BREAKPOINT")
    _add_reverse(parser)
    _add_theme(parser)
    _add_batch(parser)
    _add_target(parser, required=False)
    parser.set_defaults(command=_run)


def _add_record(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("record", help="run a training to its end without the app", description=_TARGET)
    parser.add_argument(
        *OUTPUT_OPTIONS, metavar="PATH", type=Path, help="record to PATH, not to the state directory"
    )
    _add_interpreter(parser)
    _add_log(parser)
    _add_overhead(parser)
    _add_trace_from(parser)
    _add_breakpoints(parser, "end the training at BREAKPOINT, with exit code 3")
    _add_target(parser, required=True)
    parser.set_defaults(command=_record)


def _add_open(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("open", help="look at a recording")
    parser.add_argument("recording", type=Path)
    _add_theme(parser)
    parser.set_defaults(command=_open)


def _add_attach(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("attach", help="come back to a session that was left running")
    parser.add_argument("session", nargs="?", default="", help="a part of its name, if there are several")
    _add_theme(parser)
    parser.set_defaults(command=_attach)


def _add_export(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("export", help="write a recording in another format")
    parser.add_argument("recording", type=Path)
    parser.add_argument(
        "--format",
        required=True,
        choices=("csv", "csv-parameters", "jsonl", "tensorboard"),
        help="csv has a row per sample, csv-parameters one per sample and parameter, the others have both",
    )
    parser.add_argument("-o", "--output", metavar="PATH", type=Path, required=True)
    parser.add_argument("--branch", type=int, help="which branch; the newest if not given")
    parser.set_defaults(command=_export)


def _add_check(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "check", help="say what is wrong with a recorded training; exit code 1 if anything"
    )
    parser.add_argument("recording", type=Path)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    _add_rules(parser)
    parser.add_argument("--branch", type=int, help="which branch; the newest if not given")
    parser.set_defaults(command=_check)


def _add_lessons(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("lessons", help="list the lessons; bptui run NAME steps through one")
    parser.set_defaults(command=_lessons)


def _add_target(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument(
        "--sample-at", choices=SAMPLE_AT, default="", help="what a script's sample ends with, not what is found"
    )
    parser.add_argument(
        "--epoch-length", metavar="N", type=_positive, default=0, help="how many samples make an epoch of a script"
    )
    # REMAINDER: bptui's options stand before the target, everything after it is the target's.
    parser.add_argument("-m", dest="is_module", action="store_true", help="run TARGET as python -m does")
    parser.add_argument("target", nargs=None if required else "?", default=LESSON, help="see above")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="the target's own options")


def _add_interpreter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--python",
        metavar="PATH",
        default="",
        help="the interpreter to run TARGET; bptui need not be installed there",
    )
    parser.add_argument(
        "--keep-compile", action="store_true", help="let torch.compile compile; what it compiles is not traced"
    )


def _add_log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log-protocol", metavar="FILE", type=Path, help="write every message between the processes"
    )


def _add_breakpoints(parser: argparse.ArgumentParser, help_: str) -> None:
    parser.add_argument(
        "--break", dest="breakpoints", metavar="BREAKPOINT", action="append", default=[],
        help=f"{help_}: nan, 'loss > 3', 'op relu', train.py:42, …; may be given several times",
    )  # fmt: skip


def _add_batch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", action="store_true", help="do verbs without a terminal, and end")
    parser.add_argument("--json", action="store_true", help="print what comes of each verb as a line of JSON")
    parser.add_argument(
        "-x", dest="verbs", metavar="VERB", action="append", default=[],
        help="with --batch: 'until loss < 1', 'print grad(\"weight\")', 'step op 3'; one after the other",
    )  # fmt: skip


def _add_overhead(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--overhead", metavar="PERCENT", type=_share, default=OVERHEAD,
        help="of the running time, so much goes into graphs and statistics of parameters, which only some samples"
        f" are given while running: {OVERHEAD:.0%}".replace("%", "%%"),
    )  # fmt: skip


def _add_trace_from(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trace-from", metavar="N", type=_positive, default=0,
        help="trace each sample from the N-th of the run on, with all its ops: to see what led to a breakpoint",
    )  # fmt: skip


def _add_reverse(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-reverse", action="store_true",
        help="make no copies of the training to go back to, and leave its threads and DataLoader workers alone",
    )  # fmt: skip
    parser.add_argument(
        "--threads", metavar="N", type=_positive, default=1,
        help="intra-op threads of a training that is copied: 1; more need libomp, which survives that",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint-memory", metavar="SIZE", type=_size, default=0,
        help="how much memory the copies may take: 500M, 2G; a quarter of what is free",
    )  # fmt: skip


def _size(text: str) -> int:
    """The bytes that "500M" or "2G" are."""
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:].upper(), 1)
    size = int(float(text[:-1] if factor > 1 else text) * factor)
    if size <= 0:
        raise ValueError
    return size


_size.__name__ = "size"


def _share(text: str) -> float:
    """The share that a percentage is: of "5%", or of "5", 0.05."""
    share = float(text.removesuffix("%")) / 100
    if not 0 <= share <= 1:
        raise ValueError
    return share


_share.__name__ = "percentage"  # as argparse calls it: invalid percentage value: 'x'


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--preset", default="", help="whose thresholds: relative (the default), smdebug, mindspore, thedeepchecker"
    )
    parser.add_argument("--rules", metavar="FILE", type=Path, help="a TOML file that sets thresholds otherwise")


def _add_theme(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--theme", default="", help="dark, light, ansi, or a theme of Textual's")


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 0 < number < LARGEST_COUNT:
        raise argparse.ArgumentTypeError(f"not a whole number from 1: {text!r}")
    return number


_TARGET = """TARGET is a script as it is (train.py, -m package.train), a lesson (bptui lessons lists them), or a
generator function that yields a bptui.Sample per training step (file.py:function, package.module:function).
bptui's options stand before it, its own after it."""


def _run(options: argparse.Namespace) -> int:
    if options.batch or options.json or options.verbs:
        return _batch(options)
    from bptui.commands.run import run

    return run(lambda: _session_options(options, options.record, keeps=True), options.theme)


def _batch(options: argparse.Namespace) -> int:
    from bptui.commands.batch import batch

    if not (options.batch and options.verbs):
        raise BptuiError(
            "--batch, --json and -x go together: bptui run --batch [--json] -x VERB [-x VERB …] TARGET"
        )
    return batch(tuple(options.verbs), options.json, lambda: _session_options(options, options.record))


def _record(options: argparse.Namespace) -> int:
    from bptui.commands.record import record

    return record(_session_options(options, options.output))


def _session_options(options: argparse.Namespace, recording: Path | None, keeps: bool = False) -> SessionOptions:
    from bptui.commands.run import session_options

    reverse = not getattr(options, "no_reverse", True)  # bptui record changes nothing of the training
    return session_options(
        options.target,
        tuple(options.arguments),
        recording,
        options.log_protocol,
        is_module=options.is_module,
        python=options.python,
        keep_compile=options.keep_compile,
        sample_at=options.sample_at,
        epoch_length=options.epoch_length,
        overhead=options.overhead,
        trace_from=options.trace_from,
        breakpoints=tuple(options.breakpoints),
        keeps=keeps,
        reverse=reverse,
        threads=options.threads if reverse else 1,
        checkpoint_memory=options.checkpoint_memory if reverse else 0,
    )


def _open(options: argparse.Namespace) -> int:
    from bptui.commands.look import look

    return look(options.recording, options.theme)


def _attach(options: argparse.Namespace) -> int:
    from bptui.commands.attach import attach

    return attach(options.session, options.theme)


def _export(options: argparse.Namespace) -> int:
    from bptui.recording.export import export

    export(options.recording, options.format, options.output, options.branch)
    return 0


def _check(options: argparse.Namespace) -> int:
    from bptui.commands.check import check

    return check(options.recording, options.format, options.preset, options.rules, options.branch)


def _lessons(options: argparse.Namespace) -> int:
    from bptui.commands.lessons import lessons

    print(lessons())
    return 0
