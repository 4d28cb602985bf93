"""`bptui run --batch`: verbs without a terminal, for tests, scripts and CI."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from bptui.commands.record import HIT
from bptui.protocol import Command
from bptui.recording.reader import Reader
from bptui.session.options import SessionOptions
from bptui.session.orphans import adopt_orphans
from bptui.session.session import Session
from bptui.session.streams import Streams
from bptui.verbs import Prepared, Result, Training, Verbs, finite, parse_verb

BAD = 2
"""The exit code where a verb can not be done."""


def batch(lines: tuple[str, ...], is_json: bool, options: Callable[[], SessionOptions]) -> int:
    """Do verbs one after the other, and print what comes of each; what the training prints goes to stderr.

    Args:
        lines: The verbs.
        is_json: Whether to print a line of JSON for each.
        options: Makes what the session is started with, once it is known that all verbs can be meant.

    Returns:
        The training's exit code if it ended with another than 0; 2 if a verb could not be done; `HIT` if it
        stands at a breakpoint; after a signal 128 + its number; else 0.

    Raises:
        BptuiError: A line is no verb, or the target can not be recorded.
    """
    prepared = [parse_verb(line) for line in lines]
    adopt_orphans()
    return asyncio.run(_Batch(options(), is_json).run(prepared))


class _Batch:
    def __init__(self, options: SessionOptions, is_json: bool) -> None:
        self._commands: asyncio.Queue[Command] = asyncio.Queue()
        self._training = Training(self._commands.put_nowait)
        self._verbs = Verbs(self._training)
        # Of a terminal nobody could tell whose keys they are: without one a script reads nothing.
        stdin = os.open(os.devnull, os.O_RDONLY) if os.isatty(0) else 0
        streams = Streams(stdin, piped=frozenset((1, 2)))
        hear = self._training.hear
        self._session = Session(options, hear, _to_stderr, streams, answer=hear)
        self._recording = Path(options.recording)
        self._is_json = is_json
        self._failed = False
        self._signal = 0

    async def run(self, lines: list[Prepared]) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, self._interrupt, number)
        await self._session.start()
        self._training.reader = Reader(self._recording)
        obeying = asyncio.create_task(self._obey())
        doing = asyncio.create_task(self._do(lines))
        over = asyncio.create_task(self._session.over.wait())
        await asyncio.wait((obeying, doing, over), return_when=asyncio.FIRST_COMPLETED)
        status = self._session.status
        for task in (obeying, doing, over):
            task.cancel()
        await asyncio.wait((obeying, doing, over))
        self._training.reader.close()
        await self._session.close()
        for task in (obeying, doing):
            if not task.cancelled():
                task.result()
        return self._conclude(status.exit_code, bool(status.hit))

    def _interrupt(self, number: int) -> None:
        self._signal = number
        self._session.over.set()

    async def _obey(self) -> None:
        while True:
            await self._session.obey(await self._commands.get())

    async def _do(self, lines: list[Prepared]) -> None:
        for each in lines:
            result = await self._verbs.do(each)
            self._print(each.line, result)
            if self._training.status.refused or result.leaves:
                break

    def _print(self, line: str, result: Result) -> None:
        if self._is_json:
            record = {"verb": line, "value": finite(result.value), "at": self._training.at}
            problem = {"problem": result.problem} if result.problem else {}
            print(json.dumps(record | problem, allow_nan=False), flush=True)
        else:
            print(f"{line}\n{_indented(result.text or result.problem)}", flush=True)
        if result.problem:
            self._failed = True
            print(f"bptui: {line}: {result.problem}", file=sys.stderr)

    def _conclude(self, exit_code: int | None, is_hit: bool) -> int:
        status = self._session.status
        if status.trouble or status.refused:
            print(f"bptui: {status.trouble or status.refused}", file=sys.stderr)
        if self._signal:
            return 128 + self._signal
        if exit_code:
            return exit_code
        return BAD if self._failed else HIT if is_hit and exit_code is None else 0


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _to_stderr(stream: int, text: bytes) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        while text:
            text = text[os.write(2, text) :]
