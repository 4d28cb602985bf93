"""`export`: writes the branch at hand in another program's format."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

from bptui.errors import BptuiError
from bptui.recording.export import FORMATS, export
from bptui.verbs.training import Training
from bptui.verbs.verb import BadVerb, Result, Verb, Work

_BY_SUFFIX = {".csv": "csv", ".jsonl": "jsonl"}


def _export(rest: str) -> Work:
    path, name = _arguments(rest)

    async def write(training: Training) -> Result:
        if training.reader is None:
            return Result(problem="there is no recording yet")
        try:  # in a thread: of a long run it takes seconds, and keys must not wait
            await asyncio.to_thread(export, training.reader.path, name, path, training.branch)
        except BptuiError as error:
            return Result(problem=str(error))
        return Result(f"{name} written to {path}", str(path))

    return write


def _arguments(rest: str) -> tuple[Path, str]:
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise BadVerb(f"export: {error}") from error
    name = ""
    if "--format" in words:
        at = words.index("--format")
        name = words[at + 1] if at + 1 < len(words) else "?"
        del words[at : at + 2]
    if len(words) != 1 or words[0].startswith("-"):
        raise BadVerb(f"export PATH [--format {'|'.join(FORMATS)}]: one path")
    path = Path(words[0]).expanduser()
    name = name or _BY_SUFFIX.get(path.suffix, "")
    if name not in FORMATS:
        raise BadVerb(f"export in which format? --format {', '.join(FORMATS)}")
    return path, name


EXPORTING = (
    Verb("export", f"PATH [--format {'|'.join(FORMATS)}]", "Write the samples into a file", _export,
         "path", looks=True),
)  # fmt: skip
